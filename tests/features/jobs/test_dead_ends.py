"""No print blocks its printer for good: whatever was not reported, the next print goes on."""

import threading

import people
import pytest
from django.db import connection
from features.on_the_bus import ConnectedBridge

from glassbed.features.jobs import actions
from glassbed.features.jobs.models import Print
from glassbed.features.traces.models import Chunk
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.processes import recorder
from glassbed.protocol import messages, subjects
from glassbed.protocol.errors import Conflict
from glassbed.protocol.ids import uuid7
from glassbed.protocol.messages import Outcome
from glassbed.protocol.tickets import LIFETIME_S, BridgeTicket, sign

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def owner():
    return people.make_person()


@pytest.fixture
def printer(owner):
    return people.make_printer(owner)


def row(item):
    with purpose("printing", person=item.person_id):
        return Print.objects.filter(pk=item.pk).first()


def start(person, item, outcome=Outcome.ACCEPTED, **result):
    with ConnectedBridge(item.printer.bridge_id, outcome, **result):
        return people.browser_of(person).post(f"/prints/{item.pk}/start/", follow=True).content.decode()


def report(servers, printer, what):
    payload = subjects.ToRecord(
        bridge=str(printer.bridge_id),
        event=messages.Event(id=str(uuid7()), printer=str(printer.pk), what=what),
    )
    with servers.surface("recorder"):
        return type(recorder._keep([messages.encode(payload)])[0]).__name__


def fetch(printer, item):
    """Fetch a print's file as its bridge does; return the bytes."""
    now = int(item.created_at.timestamp())
    ticket = BridgeTicket(
        bridge=str(printer.bridge_id), printers=(), issued_at=now, expires_at=now + LIFETIME_S
    )
    from glassbed.features.printers.queries import tickets_secret

    answer = people.visitor().get(
        f"/bridge/files/{item.pk}", headers={"Authorization": f"Bearer {sign(ticket, tickets_secret())}"}
    )
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content)
    answer.close()
    return content


# -- what seems to be under way --------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["sending", "printing"])
def test_a_print_whose_end_was_never_reported_gives_way_to_the_next(owner, printer, state):
    file = people.make_file(owner)
    lost = people.make_print(printer, owner, file, state)
    following = people.make_print(printer, owner, file)
    start(owner, following)
    assert (row(lost).state, row(lost).reason, row(lost).ended_at) == ("failed", actions.UNREPORTED, None)
    assert row(following).state == "sending"
    assert people.browser_of(owner).post(f"/prints/{lost.pk}/remove/").status_code == 302


def test_a_printer_that_is_busy_keeps_its_print(owner, printer):
    file = people.make_file(owner)
    running = people.make_print(printer, owner, file, "printing")
    following = people.make_print(printer, owner, file)
    page = start(owner, following, Outcome.REFUSED, reason="Another print is under way.")
    assert "Another print is under way." in page
    assert (row(running).state, row(following).state) == ("printing", "queued")


def test_an_end_that_is_reported_late_is_the_one_that_counts(owner, printer, servers):
    file = people.make_file(owner)
    late = people.make_print(printer, owner, file, "printing")
    start(owner, people.make_print(printer, owner, file))
    end = messages.PrintEnded(print_id=str(late.pk), ended_at=2000.0, outcome="completed")
    assert report(servers, printer, end) == "Kept"
    assert (row(late).state, row(late).reason, row(late).ended_at.timestamp()) == ("completed", "", 2000.0)


def test_a_print_of_another_printer_is_not_given_up(owner, printer):
    other = people.make_print(people.make_printer(owner), owner, None, "printing")
    start(owner, people.make_print(printer, owner, people.make_file(owner)))
    assert row(other).state == "printing"


# -- history off -----------------------------------------------------------------------------------------------


def test_without_history_a_print_is_forgotten_once_the_bridge_has_its_file(owner):
    printer = people.make_printer(owner, keep_history=False, keep_trace=False)
    file = people.make_file(owner)
    for _ in range(2):
        item = people.make_print(printer, owner, file)
        start(owner, item)
        assert row(item).state == "sending"
        assert fetch(printer, item) == people.GCODE
        assert row(item) is None


def test_with_history_a_print_stays_when_the_bridge_has_its_file(owner, printer):
    item = people.make_print(printer, owner, people.make_file(owner), "sending")
    assert fetch(printer, item) == people.GCODE
    assert row(item).state == "sending"


def test_a_print_during_which_the_history_was_switched_off_can_be_removed(owner, printer):
    running = people.make_print(printer, owner, None, "printing")
    browser = people.browser_of(owner)
    assert browser.post(f"/prints/{running.pk}/remove/").status_code == 409
    assert 'data-open-dialog="remove"' not in browser.get(f"/prints/{running.pk}/").content.decode()
    browser.post(f"/printers/{printer.pk}/settings/", {"name": "Shelf"})
    assert 'data-open-dialog="remove"' in browser.get(f"/prints/{running.pk}/").content.decode()
    assert browser.post(f"/prints/{running.pk}/remove/").status_code == 302
    assert row(running) is None


# -- taking from the queue -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["sending", "printing"])
def test_a_print_under_way_is_not_taken_from_the_queue(owner, printer, state):
    running = people.make_print(printer, owner, people.make_file(owner), state)
    people.make_trace(running)
    assert people.browser_of(owner).post(f"/prints/{running.pk}/take/").status_code == 409
    assert row(running).state == state


def test_a_print_that_is_started_this_moment_is_not_taken_from_the_queue(owner, printer):
    waiting = people.make_print(printer, owner, people.make_file(owner))
    outcome = []

    def take(stale):
        try:
            with purpose("printing", person=owner.pk):
                actions.take_from_queue(stale, owner.pk)
        except Conflict:
            outcome.append("conflict")
        finally:
            connection.close()

    with purpose("printing", person=owner.pk):
        stale = Print.objects.select_related("printer").get(pk=waiting.pk)
    with purpose("printing", person=owner.pk):
        Print.objects.filter(pk=waiting.pk).update(state="sending")
        taking = threading.Thread(target=take, args=[stale])
        taking.start()
        assert blocked_on(waiting)
    taking.join(10)
    assert outcome == ["conflict"]
    assert row(waiting).state == "sending"


def blocked_on(item):
    """Wait until somebody waits for the lock of a row that this transaction has changed."""
    from instance import superuser

    with superuser() as admin:
        for _ in range(10_000):
            if admin.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                return True
    return False


# -- small truths ----------------------------------------------------------------------------------------------


def test_a_guests_file_is_hidden_and_not_said_to_be_removed(owner, printer):
    guest = people.make_person()
    people.share(printer, guest, Level.OPERATOR)
    done = people.make_print(printer, guest, people.make_file(guest), "completed")
    waiting = people.make_print(printer, guest, people.make_file(guest))
    browser = people.browser_of(owner)
    again = browser.post(f"/prints/{done.pk}/again/")
    assert again.status_code == 409
    assert "belongs to somebody else" in again.content.decode()
    assert "belongs to somebody else" in start(owner, waiting)
    page = browser.get(f"/printers/{printer.pk}/").content.decode()
    assert f"/prints/{waiting.pk}/take/" in page
    assert f"/prints/{waiting.pk}/start/" not in page


def test_who_may_not_remove_a_print_is_not_offered_it(owner, printer):
    guest = people.make_person()
    people.share(printer, guest, Level.OPERATOR)
    done = people.make_print(printer, owner, None, "completed")
    for person, offered in ((guest, False), (owner, True)):
        page = people.browser_of(person).get(f"/prints/{done.pk}/").content.decode()
        assert ('data-open-dialog="remove"' in page) is offered


def test_a_print_on_a_printer_that_is_hidden_now_names_no_printer_and_is_not_live(owner, printer):
    guest = people.make_person()
    given = people.share(printer, guest, Level.OPERATOR)
    running = people.make_print(printer, guest, people.make_file(guest), "printing")
    browser = people.browser_of(guest)
    pages = ("/", "/history/", f"/prints/{running.pk}/")
    assert all(str(printer.pk) in browser.get(page).content.decode() for page in pages)
    people.end(given)
    for page in pages:
        shown = browser.get(page)
        assert shown.status_code == 200
        assert str(printer.pk) not in shown.content.decode()
    assert "again" not in [str(link) for link in browser.get(pages[2]).content.decode().split("/")]


def test_a_printer_is_removed_with_its_traces_by_one_statement(owner, printer, django_statements):
    for _ in range(3):
        people.make_trace(people.make_print(printer, owner, None, "completed"))
    with django_statements() as said:
        assert people.browser_of(owner).post(f"/printers/{printer.pk}/remove/").status_code == 302
    assert len([text for text in said if text.startswith("DELETE") and "traces_chunk" in text]) == 1
    with purpose("printing", person=owner.pk):
        assert (Print.objects.count(), Chunk.objects.count()) == (0, 0)


@pytest.fixture
def django_statements():
    """Collect the statements that run within a block."""
    from contextlib import contextmanager

    @contextmanager
    def collected():
        said = []

        def note(execute, text, params, many, context):
            said.append(text)
            return execute(text, params, many, context)

        with connection.execute_wrapper(note):
            yield said

    return collected
