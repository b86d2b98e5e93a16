"""Starting a print with a bridge that answers, and who is told about it."""

import people
import pytest
from django.db import connection
from features.on_the_bus import ConnectedBridge, Overhearing

from glassbed.features.jobs.models import Print
from glassbed.features.printers.models import Command
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol import messages, subjects
from glassbed.protocol.messages import Outcome

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def owner():
    return people.make_person()


@pytest.fixture
def printer(owner):
    return people.make_printer(owner)


@pytest.fixture
def waiting(owner, printer):
    return people.make_print(printer, owner, people.make_file(owner))


def start(person, waiting, **headers):
    browser = people.browser_of(person)
    return browser.post(f"/prints/{waiting.pk}/start/", follow=not headers, headers=headers)


def state_of(item):
    with purpose("printing", person=item.person_id):
        return Print.objects.get(pk=item.pk).state


def changes(heard, printer):
    said = [said.payload for said in heard.said if said.subject == subjects.changed(str(printer.pk))]
    assert set(said) <= {messages.encode(messages.Changed(printer=str(printer.pk), what="print"))}
    return len(said)


def test_a_waiting_print_is_handed_to_the_bridge_of_a_ready_printer(owner, printer, waiting):
    with Overhearing("changed.*") as heard, ConnectedBridge(printer.bridge_id, Outcome.ACCEPTED) as bridge:
        response = start(owner, waiting)
    assert response.redirect_chain == [(f"/printers/{printer.pk}/", 302)]
    assert state_of(waiting) == "sending"
    assert changes(heard, printer) == 1
    (command,) = bridge.commands
    with purpose("printing", person=owner.pk):
        file = Print.objects.select_related("file").get(pk=waiting.pk).file
        written = Command.objects.get()
    assert command.order == messages.Print(
        print_id=str(waiting.pk), file_name="cube.gcode", size_bytes=len(people.GCODE), sha256=file.sha256
    )
    assert (command.printer, command.expects) == (str(printer.pk), ("ready",))
    assert (str(written.pk), written.kind, written.outcome) == (command.id, "print", "accepted")


def test_a_file_is_printed_at_once(owner, printer):
    form = {"file": people.make_file(owner).pk, "now": "1"}
    with ConnectedBridge(printer.bridge_id, Outcome.ACCEPTED):
        response = people.browser_of(owner).post(f"/printers/{printer.pk}/queue/", form)
    assert response.status_code == 302
    with purpose("printing", person=owner.pk):
        assert [item.state for item in Print.objects.all()] == ["sending"]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAILED])
def test_a_print_that_was_refused_waits_again_and_says_why(owner, printer, waiting, outcome):
    with (
        Overhearing("changed.*") as heard,
        ConnectedBridge(printer.bridge_id, outcome, reason="The bed is not empty."),
    ):
        page = start(owner, waiting).content.decode()
    assert "The bed is not empty." in page
    assert state_of(waiting) == "queued"
    assert changes(heard, printer) == 2


def test_a_print_that_its_bridge_reported_meanwhile_does_not_wait_again(owner, printer, waiting):
    """The bridge has begun, and only its answer says otherwise: what it reports counts."""

    class Late(ConnectedBridge):
        def answer(self, payload):
            with purpose("printing", person=owner.pk):
                Print.objects.filter(pk=waiting.pk).update(state="printing")
            connection.close()
            return super().answer(payload)

    with Overhearing("changed.*") as heard, Late(printer.bridge_id, Outcome.FAILED):
        start(owner, waiting)
    assert state_of(waiting) == "printing"
    assert changes(heard, printer) == 1


@pytest.mark.parametrize("state", ["sending", "printing"])
def test_a_printer_that_is_busy_is_given_no_second_print(owner, printer, waiting, state):
    running = people.make_print(printer, owner, None, state)
    with ConnectedBridge(printer.bridge_id, Outcome.REFUSED, reason="Another print is under way."):
        page = start(owner, waiting).content.decode()
    assert "Another print is under way." in page
    assert (state_of(waiting), state_of(running)) == ("queued", state)


def test_a_print_whose_file_is_gone_does_not_start_and_is_not_queued_again(owner, printer):
    nothing = people.make_print(printer, owner)
    with ConnectedBridge(printer.bridge_id, Outcome.ACCEPTED) as bridge:
        assert "The file of this print was removed" in start(owner, nothing).content.decode()
    assert bridge.commands == []
    done = people.make_print(printer, owner, None, "completed")
    again = people.browser_of(owner).post(f"/prints/{done.pk}/again/")
    assert again.status_code == 409
    assert "The file of this print was removed" in again.content.decode()


def test_who_lost_the_right_to_print_starts_nothing(owner, printer):
    guest = people.make_person()
    given = people.share(printer, guest, Level.OPERATOR)
    waiting = people.make_print(printer, guest, people.make_file(guest))
    with purpose("printing", person=owner.pk):
        type(given).objects.filter(pk=given.pk).update(level=Level.VIEWER)
    with ConnectedBridge(printer.bridge_id, Outcome.ACCEPTED) as bridge:
        start(guest, waiting)
    assert bridge.commands == []
    assert state_of(waiting) == "queued"


def test_a_print_on_a_printer_that_is_hidden_meanwhile_can_be_neither_started_nor_moved(owner, printer):
    guest = people.make_person()
    given = people.share(printer, guest, Level.OPERATOR)
    done = people.make_print(printer, guest, people.make_file(guest), "completed")
    people.end(given)
    browser = people.browser_of(guest)
    for path in ("move", "again"):
        assert browser.post(f"/prints/{done.pk}/{path}/").status_code == 404
    assert (
        "nothing here that you may see"
        in browser.post(f"/prints/{done.pk}/start/", follow=True).content.decode()
    )
    assert browser.post(f"/prints/{done.pk}/remove/").status_code == 302
    assert not people.seen_by(guest, Print, done.pk)


def test_a_page_that_asked_by_htmx_is_drawn_anew(owner, printer, waiting):
    with ConnectedBridge(printer.bridge_id, Outcome.ACCEPTED):
        response = start(owner, waiting, **{"HX-Request": "true"})
    assert (response.status_code, response["HX-Refresh"]) == (204, "true")


# -- who is told of a change of the queue -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("/prints/{item}/move/", "queued"),
        ("/prints/{item}/take/", "queued"),
        ("/prints/{item}/again/", "completed"),
        ("/prints/{item}/remove/", "completed"),
        ("/printers/{printer}/queue/", "completed"),
    ],
)
def test_a_change_of_the_queue_is_told_to_open_pages_once(owner, printer, path, state):
    item = people.make_print(printer, owner, people.make_file(owner), state)
    with Overhearing("changed.*") as heard:
        response = people.browser_of(owner).post(
            path.format(item=item.pk, printer=printer.pk), {"file": item.file_id}
        )
    assert response.status_code == 302
    assert changes(heard, printer) == 1


def test_a_revoked_bridge_gets_no_file_with_a_ticket_from_before(owner, printer):
    import time

    from glassbed.features.printers.queries import tickets_secret
    from glassbed.protocol.tickets import BridgeTicket, sign

    sending = people.make_print(printer, owner, people.make_file(owner), "sending")
    given = BridgeTicket(bridge=str(printer.bridge_id), printers=(), expires_at=time.time() + 60)
    bearer = {"Authorization": f"Bearer {sign(given, tickets_secret())}"}
    assert people.visitor().get(f"/bridge/files/{sending.pk}", headers=bearer).status_code == 200
    people.browser_of(owner).post(f"/bridges/{printer.bridge_id}/revoke/")
    assert people.visitor().get(f"/bridge/files/{sending.pk}", headers=bearer).status_code == 404
