"""Somebody else's printer: seen, not touched, and gone when its owner says so."""

import re

import pytest
from journeys import steps
from journeys.steps import await_state, expect_outcome, field, latest_print
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.peer, pytest.mark.timeout(180)]

POST = """(path) => fetch(path, {method: "POST", body: new URLSearchParams("level=2&name=Mine"), headers: {
    "X-CSRFToken": document.cookie.match(/glassbed_csrf=([^;]+)/)[1]}}).then((answer) => answer.status)"""
OF_THE_OWNER = ("settings/", "remove/", "invite/")


def invite(owner, path, level):
    """Make an invitation; return its link, which is shown once."""
    page = owner.open(f"{path}settings/")
    page.get_by_label("What they may do").select_option(label=level)
    owner.press("Make an invitation")
    return page.locator("[data-copy]").first.get_attribute("data-copy")


def test_a_viewer_sees_and_cannot_touch_until_the_share_ends(operator, visit, octoprint):
    with steps.bound(operator, "octoprint", octoprint.address, octoprint.key, "Shared one") as path:
        link = invite(operator, path, "May watch")
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


@pytest.mark.promise("TT-01", part="printers are shared by role; no contact preferences and no projects yet")
def test_a_guest_who_may_print_does_so_and_nothing_of_what_is_the_owners(operator, visit, octoprint):
    with steps.bound(operator, "octoprint", octoprint.address, octoprint.key, "Lent out") as path:
        guest = visit()
        guest.sign_up("guest@glassbed.example")
        page = guest.open(invite(operator, path, "May watch and print"))
        guest.press("Accept")
        page.wait_for_url(f"**{path}")
        steps.upload(guest, path, "guests.gcode", steps.gcode(600))
        await_state(page, "ready")
        guest.look("printer-as-operator")
        guest.press("Print now")
        await_state(page, "printing")
        guest.press("Pause")
        await_state(page, "paused")
        guest.press("Resume")
        await_state(page, "printing")
        guest.press("Cancel")
        guest.press("Cancel the print")
        await_state(page, "ready")
        expect_outcome(latest_print(page), "Cancelled")

        expect(
            page.get_by_role("link", name="Settings", exact=True).and_(page.locator("main *"))
        ).to_have_count(0)
        for title in ("Commands", "Connections"):
            expect(page.get_by_role("heading", name=title)).to_have_count(0)
        guest.expects("status of 403", "status of 404")
        for name in OF_THE_OWNER:
            assert page.evaluate(POST, path + name) == 403
        assert page.goto(f"{guest.url}{path}settings/").status == 403
        operator.open(path)
        expect(operator.page.get_by_role("list", name="Commands").get_by_role("listitem")).to_have_count(4)

        guest.open(path)
        steps.print_at_octoprint(octoprint, "owners.gcode", steps.gcode(600))
        await_state(page, "printing")
        operator.open(f"{path}settings/")
        operator.press("End")
        expect(page.get_by_text("Live view ended: this printer is gone, or no longer")).to_be_visible(
            timeout=5_000
        )
        guest.look("printer-share-ended")
        guest.press("Pause")
        expect(page.locator("#control-message")).not_to_be_empty()
        assert page.evaluate(POST, f"{path}control/cancel/") == 404
        assert octoprint.printer_state() == "Printing"
        page.locator("[data-live-notice]").get_by_role("link", name="Printers").click()
        page.wait_for_url(f"{guest.url}/")
        expect(page.get_by_text("Lent out")).to_have_count(0)
        octoprint.settle()


def test_an_invitation_works_once(operator, visit, octoprint):
    with steps.bound(operator, "octoprint", octoprint.address, octoprint.key, "Shared once") as path:
        link = invite(operator, path, "May watch")
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
