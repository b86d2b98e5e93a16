"""Where somebody once got stuck: a second click, a single printer, history off, a host that moved."""

import json

import pytest
from journeys import steps
from journeys.steps import await_state, field, state
from journeys.visitor import visitor
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]


@pytest.fixture
def newcomer(browser, closed_product):
    with visitor(browser, closed_product.public_url) as somebody:
        somebody.sign_up("ada@glassbed.example", start=closed_product.first_link)
        yield somebody


def test_two_clicks_one_printer_and_prints_without_end_though_no_history_is_kept(newcomer):
    page, sent = newcomer.page, []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    button = page.get_by_role("button", name="Try the demo printer")
    button.evaluate(
        "button => { button.click(); setTimeout(() => button.click(), 300) }"
    )  # the answer takes longer
    page.wait_for_url("**/printers/*-*/")
    assert sent.count(f"{newcomer.url}/printers/demo/") == 1
    await_state(page, "printing", 60_000)
    path = page.url.removeprefix(newcomer.url)

    newcomer.open("/")
    expect(page.locator(".printer-card")).to_have_count(1)
    expect(page.locator(".figure-live [data-count]")).to_have_text("1")
    newcomer.look("dashboard-one-printer")

    newcomer.open(f"{path}settings/")
    page.get_by_label("Keep a history of prints").uncheck()
    newcomer.press("Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    for _ in range(2):
        newcomer.open(path)
        await_state(page, "printing")
        newcomer.press("Cancel")
        newcomer.press("Cancel the print")
        await_state(page, "ready")
        newcomer.press("Print now")
        await_state(page, "printing")
        expect(field(page, "file_name")).not_to_have_text("–")

    newcomer.open("/history/")
    expect(page.locator("main tbody tr")).to_have_count(1)  # the one from before, whose end nobody reported
    page.locator("main tbody a").first.click()
    newcomer.look("print-never-reported")
    newcomer.press("Remove")
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("The print is removed from the history.")).to_be_visible()


def test_a_page_that_shows_a_printer_in_vain_is_not_loaded_again_and_again(newcomer):
    page = newcomer.page
    newcomer.press("Try the demo printer")
    page.wait_for_url("**/printers/*-*/")
    await_state(page, "printing", 60_000)
    tickets, loads = [], []

    def without_one(route):
        answer = route.fetch()
        tickets.append(answer.status)
        route.fulfill(response=answer, body=json.dumps({**answer.json(), "lost": True}))

    page.route("**/live/ticket", without_one)
    page.on("load", lambda page: loads.append(page.url))
    newcomer.open(page.url)
    await_state(page, "printing")
    expect(state(page)).to_have_text("Printing")
    assert (len(tickets), len(loads)) == (1, 1)


@pytest.mark.peer
def test_a_host_that_moved_is_bound_again_and_keeps_what_it_had(operator, octoprint):
    moved = octoprint.address.replace("127.0.0.1", "localhost")
    with steps.bound(operator, "octoprint", octoprint.address, octoprint.key, "Wanderer") as path:
        page = operator.open(f"{path}settings/")
        form = page.locator("#bind")
        expect(form.get_by_label("Address")).to_have_value(octoprint.address)
        form.get_by_label("Address").fill(moved)
        form.get_by_label("Key", exact=True).fill("a-key-that-is-none")
        operator.expects("status of 422")
        operator.press("Try and bind", within="#bind")
        expect(form.get_by_role("alert")).to_contain_text("key")
        expect(form.get_by_label("Address")).to_have_value(moved)
        operator.look("printer-settings-refused")

        form.get_by_label("Key", exact=True).fill(octoprint.key)
        operator.press("Try and bind", within="#bind")
        expect(page.get_by_text("The printer is bound to it now.")).to_be_visible()
        operator.look("printer-settings-bound-again")
        operator.open(path)
        await_state(page, "ready")
        expect(page.locator("dt:text-is('Address') + dd")).to_have_text(moved)
