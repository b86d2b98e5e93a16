"""What a newcomer sees within a minute: the first link, an account, the demo printer live."""

import pytest
from journeys.steps import await_more, await_state, expect_outcome, latest_print
from journeys.visitor import visitor
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]


@pytest.fixture
def newcomer(browser, closed_product):
    with visitor(browser, closed_product.public_url) as somebody:
        yield somebody


@pytest.mark.promise("AC-01", part="no OIDC provider yet")
def test_from_the_first_link_to_a_demo_printer_that_obeys(newcomer, closed_product):
    page = newcomer.open("/")
    expect(page.get_by_text("This Glassbed is new")).to_be_visible()
    newcomer.look("welcome-new")

    newcomer.sign_up("ada@glassbed.example", start=closed_product.first_link)
    expect(page.get_by_role("heading", name="Printers")).to_be_visible()
    newcomer.look("dashboard-empty")
    assert not (closed_product.home / "run" / "first-link").exists()

    newcomer.press("Try the demo printer")
    await_state(page, "printing", 60_000)
    await_more(page, "nozzle_c", 40)
    await_more(page, "progress_ratio", 0)
    expect_outcome(latest_print(page), "Printing")
    newcomer.look("printer-printing")
    assert {"button:Pause", "button:Cancel"} <= set(newcomer.reached_by_tab())

    newcomer.press("Pause")
    await_state(page, "paused")
    newcomer.look("printer-paused")
    newcomer.press("Resume")
    await_state(page, "printing")
    newcomer.press("Cancel")
    newcomer.look("printer-cancel-dialog")
    newcomer.press("Cancel the print")
    await_state(page, "ready")
    expect_outcome(latest_print(page), "Cancelled")

    newcomer.open("/history/")
    newcomer.look("history")
    page.locator("main tbody a").first.click()
    newcomer.look("print-cancelled")
    newcomer.press("Print again")
    expect(page.locator(".queue-item")).to_have_count(1)
    page.locator(".queue-item").get_by_role("button", name="Print", exact=True).click()
    await_state(page, "printing")


def test_the_first_link_works_once(newcomer, closed_product, browser):
    link = closed_product.first_link
    newcomer.sign_up("ada@glassbed.example", start=link)
    with visitor(browser, closed_product.public_url) as stranger:
        stranger.expects("status of 404")
        page = stranger.open(link)
        expect(page.get_by_text("This link was used or is too old")).to_be_visible()
        stranger.look("first-link-used")
        stranger.open("/accounts/signup/")
        expect(page.get_by_label("Email")).to_have_count(0)
        stranger.look("sign-up-closed")
