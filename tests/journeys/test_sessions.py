"""A session that its person ends from another browser: what it watched stops, and its page says so."""

import re

import pytest
from journeys import steps
from journeys.steps import await_state, field
from journeys.visitor import PASSWORD
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.peer, pytest.mark.timeout(180)]

OPERATOR = "operator@glassbed.example"


def sign_in(person, path):
    page = person.open(path)
    page.get_by_label("Email").fill(OPERATOR)
    page.get_by_label("Password").fill(PASSWORD)
    person.press("Sign In")
    page.wait_for_url(f"**{path}")


@pytest.mark.promise(
    "TT-03", part="sessions with browser and time, ended from another; no addresses, no regions"
)
@pytest.mark.promise("BL-53", part="sessions are ended one by one; no passkeys and no second factor yet")
def test_a_session_ended_elsewhere_sees_nothing_more_and_is_told_where_to_sign_in(operator, visit, octoprint):
    with steps.bound(operator, "octoprint", octoprint.address, octoprint.key, "Watched") as path:
        other = visit()
        sign_in(other, path)
        seen = other.page
        steps.print_at_octoprint(octoprint, "watched.gcode", steps.gcode(600))
        await_state(seen, "printing")
        steps.await_more(seen, "nozzle_c", 30)

        other.expects("status of 401.*/live/ticket")
        page = operator.open("/settings/")
        operator.look("settings-sessions")
        sessions = page.locator("section", has_text="Open sessions").get_by_role(
            "button", name="End", exact=True
        )
        expect(sessions).to_have_count(1)
        sessions.click()
        expect(seen.get_by_text("Live view ended: you are signed out.")).to_be_visible(timeout=5_000)
        expect(page.get_by_text("That session has ended.")).to_be_visible()
        before = field(seen, "progress_ratio").inner_text()
        other.look("printer-signed-out")
        seen.wait_for_timeout(2_000)
        assert field(seen, "progress_ratio").inner_text() == before, "the flow has ended"

        operator.open(path)
        await_state(operator.page, "printing")
        seen.locator("[data-live-notice]").get_by_role("link", name="Sign in").click()
        seen.wait_for_url(re.compile(r"/accounts/login/\?next="))
        octoprint.settle()
