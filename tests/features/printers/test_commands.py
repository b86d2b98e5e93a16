"""Commands with a bridge that answers: what is asked of it, what is written down, and what the person is told."""

import time

import people
import pytest
from features.on_the_bus import ConnectedBridge

from glassbed.features.printers.models import Command
from glassbed.features.printers.rules import LEASE_S
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol.messages import Cancel, EmergencyStop, Outcome, Pause, Restart, Resume

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
ORDERS = {
    "pause": (Pause(), {"printing"}),
    "resume": (Resume(), {"paused"}),
    "cancel": (Cancel(), {"sending", "printing", "pausing", "paused", "resuming", "cancelling"}),
    "emergency_stop": (EmergencyStop(), set()),
    "restart": (Restart(), {"stopped", "error", "starting"}),
}


@pytest.fixture
def owner():
    return people.make_person()


@pytest.fixture
def printer(owner):
    return people.make_printer(owner)


def control(person, printer, kind, **headers):
    return people.browser_of(person).post(f"/printers/{printer.pk}/control/{kind}/", headers=headers)


def written_down(owner):
    with purpose("printing", person=owner.pk):
        return Command.objects.get()


@pytest.mark.parametrize("kind", ORDERS)
def test_a_command_is_leased_for_seconds_and_for_the_states_that_it_fits(owner, printer, kind):
    before = time.time()
    with ConnectedBridge(printer.bridge_id, Outcome.DONE) as bridge:
        response = control(owner, printer, kind)
    assert (response.status_code, response["Location"]) == (302, f"/printers/{printer.pk}/")
    (lease,) = bridge.commands
    order, states = ORDERS[kind]
    assert (lease.order, lease.printer, set(lease.expects)) == (order, str(printer.pk), states)
    assert before <= lease.issued_at <= time.time()
    assert lease.expires_at - lease.issued_at == pytest.approx(LEASE_S)
    kept = written_down(owner)
    assert (str(kept.pk), kept.kind, kept.outcome, kept.reason) == (lease.id, kind, "done", "")
    assert kept.ended_at >= kept.issued_at


def test_a_command_that_has_begun_is_no_error(owner, printer):
    with ConnectedBridge(printer.bridge_id, Outcome.ACCEPTED):
        assert control(owner, printer, "cancel").status_code == 302
    assert written_down(owner).outcome == "accepted"


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAILED])
def test_the_person_reads_why_a_command_was_not_done(owner, printer, outcome):
    with ConnectedBridge(printer.bridge_id, outcome, reason="The nozzle is cold."):
        response = control(owner, printer, "pause")
    assert response.status_code == 409
    assert "The nozzle is cold." in response.content.decode()
    kept = written_down(owner)
    assert (kept.outcome, kept.reason) == (str(outcome), "The nozzle is cold.")


def test_a_refusal_without_a_reason_still_says_what_to_do(owner, printer):
    with ConnectedBridge(printer.bridge_id, Outcome.REFUSED):
        response = control(owner, printer, "pause")
    assert "does not fit the present state" in response.content.decode()


def test_a_page_that_follows_live_gets_an_empty_answer(owner, printer):
    with ConnectedBridge(printer.bridge_id, Outcome.DONE):
        response = control(owner, printer, "pause", **{"HX-Request": "true"})
    assert (response.status_code, response.content) == (204, b"")


def test_who_may_only_watch_reaches_no_bridge(owner, printer):
    viewer = people.make_person()
    people.share(printer, viewer, Level.VIEWER)
    with ConnectedBridge(printer.bridge_id, Outcome.DONE) as bridge:
        assert control(viewer, printer, "emergency_stop").status_code == 403
    assert bridge.commands == []
    with purpose("printing", person=owner.pk):
        assert Command.objects.count() == 0


def test_the_owner_reads_who_commanded_what_and_how_it_ended(owner, printer):
    operator = people.make_person(name="Otto")
    people.share(printer, operator, Level.OPERATOR)
    with ConnectedBridge(printer.bridge_id, Outcome.FAILED, reason="The nozzle is cold."):
        control(operator, printer, "restart")
    page = people.browser_of(owner).get(f"/printers/{printer.pk}/").content.decode()
    assert "Restart firmware" in page
    assert "Otto" in page
    assert "The nozzle is cold." in page
    assert (
        "The nozzle is cold."
        not in people.browser_of(operator).get(f"/printers/{printer.pk}/").content.decode()
    )
