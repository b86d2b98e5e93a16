"""The privacy hub as a visitor reads it: light, dark, on a phone, by keyboard, on paper."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]


def test_the_hub_and_its_pages_for_everybody(visit):
    anybody = visit()
    for path in ("notice", "cookies", "recipients", "activities/statistics", "record"):
        anybody.open(f"/privacy/{path}/")
        anybody.look(f"privacy-{path.replace('/', '-')}")


@pytest.mark.promise("BL-01")
def test_the_contents_stand_beside_the_text_and_lead_into_it_by_keyboard(visit):
    page = visit().open("/privacy/notice/")
    contents = page.get_by_role("navigation", name="Contents")
    expect(contents).to_be_visible()
    contents.get_by_role("link", name="Your rights").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/privacy/notice/#rights$"))
    expect(page.get_by_role("heading", name="Your rights", level=2)).to_be_in_viewport()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(contents).to_be_hidden()
    page.locator("summary", has_text="Contents").focus()
    page.keyboard.press("Enter")
    expect(page.locator("details[open]").get_by_role("link", name="Your rights")).to_be_visible()


def test_on_paper_there_is_the_text_and_nothing_to_press(visit):
    page = visit().open("/privacy/notice/")
    page.emulate_media(media="print")
    for gone in ("nav.contents-wide", ".site-header", ".site-footer", ".anchor >> nth=0"):
        expect(page.locator(gone)).to_be_hidden()
    expect(page.locator("#data")).to_be_visible()
