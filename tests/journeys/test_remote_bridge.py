"""A bridge on another machine: paired in the browser, killed, taken its rights, and silent."""

import re
import time

import pytest
from journeys import steps
from journeys.bridges import CountingLine, RemoteBridge, line_to
from journeys.steps import await_more, await_state, expect_outcome, latest_print
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.peer, pytest.mark.timeout(180)]

PRESENCE_BYTES = 120
"""In twelve seconds of silence: at most one ping of each kind, with room for its frame."""
SILENT_S = 12


@pytest.fixture
def bridge(tmp_path):
    remote = RemoteBridge(tmp_path / "bridge")
    yield remote
    remote.end()


def pair(owner, bridge, server, name):
    """Pair as a person does: compare the words, approve."""
    offer = bridge.begin_pairing(server, "--name", name)
    page = owner.open("/bridges/pair/")
    owner.look("pair-code")
    page.get_by_label("Code").fill(offer.code.lower().replace("-", " "))
    owner.press("Look")
    expect(page.locator("dt:text-is('Its words') + dd")).to_have_text(offer.words)
    expect(page.get_by_text("What it will see")).to_be_visible()
    owner.look("pair-approve")
    owner.press("Approve")
    page.wait_for_url("**/bridges/")
    bridge.end_pairing()
    bridge.run()


@pytest.fixture
def owner(visit):
    somebody = visit()
    somebody.sign_up(f"owner-{time.time_ns()}@glassbed.example")
    return somebody


def test_a_print_outlives_the_bridge_and_ends_once_in_the_history(owner, bridge, product, octoprint):
    pair(owner, bridge, product.public_url, "Shed")
    owner.look("bridges")
    path = steps.bind(owner, "octoprint", octoprint.address, octoprint.key, "Far away", bridge="Shed")
    page = owner.page
    steps.upload(owner, path, "hook.gcode", steps.gcode(80))
    await_state(page, "ready")
    owner.press("Print now")
    await_state(page, "printing")
    await_more(page, "progress_ratio", 0)

    bridge.kill()
    expect(page.get_by_text("The bridge is not connected")).to_be_visible()
    owner.look("printer-without-bridge")
    assert octoprint.printer_state() == "Printing"

    bridge.run()
    await_state(page, "printing")
    expect(page.get_by_text("The bridge is not connected")).to_be_hidden()
    await_state(page, "ready", 60_000)
    expect_outcome(latest_print(page), "Completed")
    owner.open("/history/")
    expect(page.locator("main tbody tr")).to_have_count(1)


def test_a_bridge_without_rights_is_gone_within_five_seconds(owner, bridge, product, octoprint):
    pair(owner, bridge, product.public_url, "Shed")
    path = steps.bind(owner, "octoprint", octoprint.address, octoprint.key, "Far away", bridge="Shed")
    watching = owner.context.new_page()
    watching.goto(owner.url + path)
    await_state(watching, "ready")

    owner.open("/bridges/")
    owner.press("Take away its rights")
    owner.look("bridges-revoke-dialog")
    owner.press("Disconnect")
    expect(watching.get_by_text("The bridge is not connected")).to_be_visible(timeout=5_000)
    bridge.await_output("the server does not know this bridge any more")


def hide(page, *, hidden):
    page.evaluate(
        """(state) => { Object.defineProperty(document, "visibilityState", {configurable: true, get: () => state})
            document.dispatchEvent(new Event("visibilitychange")) }""",
        "hidden" if hidden else "visible",
    )


@pytest.mark.promise("GB-04", part="there are no diagnostics yet")
def test_the_bridge_is_silent_unless_somebody_watches_or_history_is_kept(owner, bridge, product, octoprint):
    with line_to(product.port, CountingLine) as line:
        pair(owner, bridge, line.url, "Shed")
        path = steps.bind(owner, "octoprint", octoprint.address, octoprint.key, "Far away", bridge="Shed")
        keep(owner, path, history=False)
        owner.page.clock.install()
        page = owner.open(path)
        steps.print_at_octoprint(octoprint, "long.gcode", steps.gcode(1500))
        await_state(page, "printing")
        watched = line.sent_during(5)
        assert watched > 500, "watched: readings flow"

        hide(page, hidden=True)
        assert line.sent_during(3) > 200, "just hidden: they still do"
        page.clock.fast_forward(61_000)
        page.wait_for_timeout(1_000)
        assert line.sent_during(SILENT_S) <= PRESENCE_BYTES, "hidden for a minute: presence alone"

        hide(page, hidden=False)
        await_more(page, "progress_ratio", 0)
        assert line.sent_during(5) > 500, "seen again: readings flow"
        page.close()
        time.sleep(1)
        assert line.sent_during(SILENT_S) <= PRESENCE_BYTES, "nobody looks, while it prints"
        before = line.sent_bytes
        octoprint.settle()
        time.sleep(3)
        assert line.sent_bytes - before <= PRESENCE_BYTES, "the end of a print is not told either"

        owner.page = owner.context.new_page()
        keep(owner, path, history=True)
        owner.open("/history/")
        expect(owner.page.get_by_text("Nothing printed yet")).to_be_visible()
        time.sleep(2)
        before = line.sent_bytes
        steps.print_at_octoprint(octoprint, "kept.gcode", steps.gcode(10))
        octoprint.await_state("Printing")
        octoprint.await_state("Operational")
        time.sleep(3)
        kept = line.sent_bytes - before
        assert 200 < kept < 6_000, "kept, not watched: events and one chunk of the trace"
        owner.open("/history/")
        expect_outcome(owner.page.locator("main tbody tr").first, "Completed")


def keep(owner, path, *, history):
    page = owner.open(f"{path}settings/")
    for label in ("Keep a history of prints", "Keep temperatures of prints"):
        page.get_by_label(re.compile(label)).set_checked(history)
    owner.press("Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
