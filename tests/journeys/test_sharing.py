"""Somebody else's printer: seen, not touched, and gone when its owner says so."""

import re

import pytest
from journeys import steps
from journeys.steps import await_state, field
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.peer, pytest.mark.timeout(180)]

POST = """(path) => fetch(path, {method: "POST", headers: {
    "X-CSRFToken": document.cookie.match(/glassbed_csrf=([^;]+)/)[1]}}).then((answer) => answer.status)"""


def test_a_viewer_sees_and_cannot_touch_until_the_share_ends(operator, visit, octoprint):
    with steps.bound(operator, "octoprint", octoprint.address, octoprint.key, "Shared one") as path:
        page = operator.open(f"{path}settings/")
        page.get_by_label("What they may do").select_option(index=0)
        operator.press("Make an invitation")
        link = page.locator("[data-copy]").first.get_attribute("data-copy")
        operator.look("printer-settings-invitation")

        friend = visit()
        friend.sign_up("friend@glassbed.example")
        seen = friend.open(link)
        friend.look("invitation")
        friend.press("Accept")
        seen.wait_for_url(f"**{path}")
        await_state(seen, "ready")
        friend.look("printer-as-viewer")

        steps.print_at_octoprint(octoprint, "shared.gcode", steps.gcode(600))
        await_state(seen, "printing")
        expect(field(seen, "file_name")).to_have_text("shared.gcode")
        for name in ("Pause", "Cancel", "Print now", "More", "Settings"):
            expect(seen.get_by_role("button", name=name, exact=True)).to_have_count(0)
        friend.expects("status of 403", "status of 404")
        for kind in ("pause", "cancel", "emergency_stop"):
            assert seen.evaluate(POST, f"{path}control/{kind}/") == 403
        assert octoprint.printer_state() == "Printing"

        operator.open(f"{path}settings/")
        operator.look("printer-settings-shared")
        operator.press("End")
        expect(seen.get_by_text("Live view ended")).to_be_visible(timeout=5_000)
        before = field(seen, "progress_ratio").inner_text()
        seen.wait_for_timeout(3_000)
        assert field(seen, "progress_ratio").inner_text() == before
        assert seen.goto(friend.url + path).status == 404
        friend.open("/")
        expect(seen.get_by_text("Shared one")).to_have_count(0)
        octoprint.settle()


def test_an_invitation_works_once(operator, visit, octoprint):
    with steps.bound(operator, "octoprint", octoprint.address, octoprint.key, "Shared once") as path:
        page = operator.open(f"{path}settings/")
        operator.press("Make an invitation")
        link = page.locator("[data-copy]").first.get_attribute("data-copy")
        for number, works in ((1, True), (2, False)):
            friend = visit()
            friend.sign_up(f"friend-{number}-once@glassbed.example")
            friend.expects("status of 403.*/live/ticket" if works else "status of 404")
            friend.open(link)
            if works:
                friend.press("Accept")
                await_state(friend.page, "ready")
            else:
                expect(friend.page.get_by_text(re.compile("invitation was used"))).to_be_visible()
