"""The main job in the browser, with a real OctoPrint as the printer."""

import re
import subprocess
from contextlib import contextmanager

import pytest
from journeys import steps
from journeys.steps import await_more, await_state, expect_outcome, field, latest_print
from peers.octoprint import octoprint as run_octoprint
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.peer, pytest.mark.timeout(180)]


@pytest.fixture
def printer(operator, octoprint):
    """Bound by address and key; the path of its page."""
    with steps.bound(operator, "octoprint", octoprint.address, octoprint.key, "Workshop") as path:
        yield path


@pytest.mark.promise("BL-57", part="OctoPrint, Moonraker")
@pytest.mark.promise("BL-09", part="no incognito prints and no diagnostics yet")
@pytest.mark.promise(
    "AC-05", part="operations, settings and connections; the account's own operations are missing"
)
def test_the_whole_main_job(operator, printer, octoprint):
    page = operator.page
    await_state(page, "ready")
    steps.upload(operator, printer, "hook.gcode", steps.gcode(400))
    await_state(page, "ready")
    operator.press("Print now")
    await_state(page, "printing")
    assert octoprint.printer_state() == "Printing"
    expect(field(page, "file_name")).to_have_text("hook.gcode")
    await_more(page, "nozzle_c", 50)
    await_more(page, "progress_ratio", 0)
    expect_outcome(latest_print(page), "Printing")
    assert {"button:Pause", "button:Cancel"} <= set(operator.reached_by_tab())

    operator.press("Pause")
    await_state(page, "paused")
    operator.press("Resume")
    await_state(page, "printing")
    operator.press("Cancel")
    operator.press("Cancel the print")
    await_state(page, "ready")
    expect_outcome(latest_print(page), "Cancelled")
    octoprint.await_state("Operational")

    log = page.get_by_role("list", name="Commands").get_by_role("listitem")
    for line, what in enumerate(["Cancel", "Resume", "Pause", "Start a print"]):
        expect(log.nth(line)).to_contain_text(what)
        expect(log.nth(line)).to_contain_text("You")
        expect(log.nth(line).locator("time")).to_have_count(1)


def test_a_print_to_the_end_stands_in_the_history_with_time_and_temperatures(operator, printer):
    page = operator.page
    steps.upload(operator, printer, "clip.gcode", steps.gcode(20))
    await_state(page, "ready")
    operator.press("Print now")
    await_state(page, "printing")
    await_state(page, "ready", 60_000)
    expect_outcome(latest_print(page), "Completed")
    operator.look("printer-octoprint-done")

    latest_print(page).get_by_role("link").click()
    expect(page.locator("main header [data-state]")).to_have_text("Completed")
    expect(page.locator("dt:text-is('Took') + dd")).to_have_text(re.compile(r"\d"))
    expect(page.locator("[data-chart=trace] canvas")).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(page.locator("[data-chart-table] tbody tr").first).to_be_visible()
    operator.look("print-completed")

    operator.press("Print again")
    page.locator(".queue-item").get_by_role("button", name="Print", exact=True).click()
    await_state(page, "printing")
    await_state(page, "ready", 60_000)
    expect(page.locator("#prints tbody tr [data-state=completed]")).to_have_count(2)


def test_a_print_begun_at_octoprint_itself_appears(operator, printer, octoprint):
    page = operator.page
    await_state(page, "ready")
    steps.print_at_octoprint(octoprint, "from-the-panel.gcode", steps.gcode(20))
    await_state(page, "printing")
    await_state(page, "ready", 60_000)
    expect_outcome(latest_print(page), "Completed")
    expect(latest_print(page)).to_contain_text("from-the-panel.gcode")
    latest_print(page).get_by_role("link").click()
    expect(page.locator("dt:text-is('Begun') + dd")).to_have_text("at the printer")


@pytest.mark.promise("TT-10", part="a printer can't be given to a new owner yet")
@pytest.mark.promise("BL-07", part="no operating system and no crash reports yet")
@pytest.mark.promise("AC-06", part="counters and stored jobs are missing")
def test_the_page_tells_what_the_printer_reports(operator, printer, octoprint):
    page = operator.page
    facts = page.locator("section", has_text="About this printer").last
    for words in ("OctoPrint 1.11.8", "Virtual Marlin 1.0", octoprint.address, "This machine"):
        expect(facts).to_contain_text(words)
    for label in ("Model", "Serial number", "Host name"):
        expect(facts.locator(f"dt:text-is('{label}') + dd")).to_be_visible()
    expect(facts.locator("dt:text-is('Bound') + dd time")).to_be_visible()
    expect(page.get_by_text("still connected")).to_be_visible()

    await_state(page, "ready")
    octoprint.send("!!DEBUG:trigger_fatal_error_marlin")
    await_state(page, "error")
    expect(page.get_by_text("Thermal Runaway").filter(visible=True).first).to_be_visible()
    operator.look("printer-fault")
    operator.press("Restart firmware")
    operator.press("Restart")
    await_state(page, "ready")
    expect(page.locator("section", has_text="Connections").last).to_contain_text("Thermal Runaway")


def test_a_key_that_somebody_grants_at_octoprint_binds(operator, octoprint):
    page = operator.open("/printers/add/")
    steps.fill_binding(operator, "octoprint", octoprint.address, "", "Granted")
    operator.press("Ask OctoPrint for a key")
    expect(page.get_by_text("OctoPrint asks at its own page")).to_be_visible()
    expect(page.get_by_text(f"{octoprint.address}/plugin/appkeys/auth/")).to_be_visible()
    operator.look("bind-asked-for-a-key")
    asked = octoprint.ask("/api/plugin/appkeys")["pending"]
    octoprint.ask(f"/plugin/appkeys/decision/{next(iter(asked))}", {"decision": True})
    page.wait_for_timeout(2_000)  # the bridge asks every second whether somebody decided
    operator.press("Try and bind")
    page.wait_for_url(re.compile(r"/printers/[0-9a-f-]{36}/$"))
    await_state(page, "ready")
    steps.remove(operator, page.url.removeprefix(operator.url))


@pytest.mark.promise("TT-04", part="several printers stay apart; statistics and codes are missing")
def test_two_printers_of_one_owner_stay_apart(operator, printer, octoprint, tmp_path):
    with (
        run_octoprint(tmp_path / "basedir") as other,
        steps.bound(operator, "octoprint", other.address, other.key, "Cellar") as second,
    ):
        page = operator.page
        await_state(page, "ready")
        steps.print_at_octoprint(octoprint, "mine.gcode", steps.gcode(30))
        page.wait_for_timeout(2_000)
        await_state(page, "ready")
        operator.open(printer)
        await_state(page, "ready", 60_000)
        expect(latest_print(page)).to_contain_text("mine.gcode")
        operator.open(second)
        await_state(page, "ready")
        expect(page.locator("#prints").get_by_text("Nothing printed yet")).to_be_visible()
        operator.open("/")
        expect(page.locator(".printer-card")).to_have_count(2)
        operator.look("dashboard")


def test_a_wrong_key_is_told_on_the_form(operator, octoprint):
    operator.expects("status of 422")
    page = operator.open("/printers/add/")
    operator.look("bind")
    steps.fill_binding(operator, "octoprint", octoprint.address, "wrong" * 8, "Workshop")
    operator.press("Try and bind")
    expect(page.get_by_role("alert")).to_contain_text("key")
    operator.look("bind-wrong-key")
    expect(page.get_by_label("Address")).to_have_value(octoprint.address)


@contextmanager
def started_again(host):
    """The same host on the same address, after its end."""
    process = subprocess.Popen(host.process.args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(15)


def test_a_killed_host_is_told_and_comes_back(operator, tmp_path):
    with (
        run_octoprint(tmp_path / "basedir") as host,
        steps.bound(operator, "octoprint", host.address, host.key, "Attic"),
    ):
        page = operator.page
        await_state(page, "ready")
        host.kill()
        await_state(page, "offline")
        expect(page.get_by_text("The printer host does not answer")).to_be_visible()
        operator.look("printer-offline")
        with started_again(host):
            await_state(page, "ready", 45_000)
