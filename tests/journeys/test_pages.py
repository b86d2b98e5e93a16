"""Every page that no other journey passes: light, dark, on a phone, by keyboard."""

import re

import pytest
from journeys import steps
from journeys.visitor import PASSWORD
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]


def test_pages_for_everybody(visit):
    anybody = visit()
    for path in ("/", "/privacy/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"):
        anybody.open(path)
        anybody.look(f"anybody{path.replace('/', '-')}")
    anybody.expects("status of 404")
    anybody.open("/nowhere/")
    anybody.look("not-found")


def test_pages_of_ones_account(visit):
    person = visit()
    person.sign_up("settings@glassbed.example")
    for path in ("/", "/files/", "/history/", "/bridges/", "/settings/", "/outbox/", "/accounts/email/"):
        person.open(path)
        person.look(f"newcomer{path.replace('/', '-')}")
    person.open("/accounts/password/change/")
    person.look("password-change")


def test_signing_out_and_in_again_with_the_keyboard_alone(visit):
    person = visit()
    person.sign_up("keys@glassbed.example")
    page = person.page
    page.get_by_label("Account", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    person.open("/accounts/login/")
    page.get_by_label("Email").focus()
    page.keyboard.type("keys@glassbed.example")
    page.get_by_label("Password").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{person.url}/")
    expect(page.get_by_label("Account", exact=True)).to_be_visible()


def test_a_file_from_its_upload_to_its_end(visit):
    person = visit()
    person.sign_up("files@glassbed.example")
    page = person.open("/files/")
    expect(page.locator("[data-upload-plain]")).to_be_hidden()
    choose(page, "vase.gcode", steps.gcode(50))
    page.wait_for_url(re.compile("/files/[0-9a-f-]{36}/$"))
    expect(page.get_by_text("PrusaSlicer")).to_be_visible()
    person.look("file")
    person.open("/files/")
    person.look("files")
    page.get_by_role("link", name="vase.gcode").click()
    person.press("Remove")
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    page.wait_for_url("**/files/")
    expect(page.get_by_text("No files yet")).to_be_visible()


def test_a_file_that_is_no_gcode_is_refused_in_words_and_nothing_is_stored(visit):
    person = visit()
    person.sign_up("no-gcode@glassbed.example")
    person.expects("status of 422")
    page = person.open("/files/")
    expect(page.locator("[data-upload-plain]")).to_be_hidden()
    choose(page, "photo.gcode", b"\x89PNG\r\n\x1a\n" + bytes(5_000))
    expect(page.get_by_role("alert").filter(visible=True)).not_to_be_empty()
    person.look("upload-refused")
    person.open("/files/")
    expect(page.get_by_text("No files yet")).to_be_visible()


def choose(page, name, content):
    file = {"name": name, "mimeType": "text/x.gcode", "buffer": content}
    page.locator("main input[type=file]").set_input_files(file)
