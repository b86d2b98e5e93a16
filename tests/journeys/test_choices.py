"""A person among their choices and their data: allowed and stopped in as many steps, and seen as it happens."""

import json
from pathlib import Path

import pytest
from journeys.visitor import visitor
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]


@pytest.fixture
def newcomer(browser, closed_product):
    with visitor(browser, closed_product.public_url) as somebody:
        somebody.sign_up("ada@glassbed.example", start=closed_product.first_link)
        yield somebody


@pytest.mark.promise("GB-03", part="reads by others and bulk runs")
def test_choices_are_stopped_as_they_are_given_and_ones_data_is_seen_as_it_comes(newcomer):
    allow_and_stop(newcomer)
    watch_a_print_begin(newcomer)
    see_it_among_ones_data(newcomer)


def allow_and_stop(newcomer):
    page = newcomer.open("/privacy/choices/")
    news = page.locator("#news")
    expect(news.get_by_text("Not allowed")).to_be_visible()
    for button, standing in (("Allow this", "Allowed"), ("Stop this", "Not allowed")):
        news.get_by_role("button", name=button).click()
        expect(news.get_by_text(standing, exact=True)).to_be_visible()

    decisions = page.get_by_role("table", name="What you decided").locator("tbody tr")
    expect(decisions).to_have_count(2)
    expect(decisions.nth(0)).to_contain_text("Stopped")
    expect(decisions.nth(1)).to_contain_text("Allowed")
    with page.expect_download() as download:
        decisions.nth(1).get_by_role("link", name="Receipt").click()
    receipt = Path(download.value.path()).read_text()
    assert json.loads(receipt)
    assert "The operator may write to me about news of this Glassbed." in receipt
    newcomer.look("choices")


def watch_a_print_begin(newcomer):
    page = newcomer.open("/privacy/data/happenings/")
    expect(page.get_by_role("row", name="Account opened")).to_be_visible()
    expect(page.get_by_text("demo.gcode")).to_have_count(0)
    everything = page.get_by_role("link", name="Everything")
    everything.focus()

    other = newcomer.context.new_page()
    other.goto(f"{newcomer.url}/")
    other.get_by_role("button", name="Try the demo printer").click()
    other.wait_for_url("**/printers/*/")
    other.close()  # its moving pictures would slow this one
    expect(page.get_by_role("row", name="Collected Print: demo.gcode Prints")).to_be_visible()
    expect(
        page.get_by_role("row", name="Handed over Print: demo.gcode Files Your own bridge")
    ).to_be_visible()
    expect(everything).to_be_focused()  # what comes in throws nobody off their place
    newcomer.look("happenings")


def see_it_among_ones_data(newcomer):
    page = newcomer.open("/privacy/data/")
    page.locator("#print summary").click()
    expect(page.get_by_role("heading", name="Print: demo.gcode")).to_be_visible()
    newcomer.look("own-data")
