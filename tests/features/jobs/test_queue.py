import people
import pytest

from glassbed.features.jobs.models import Print
from glassbed.features.library.models import File
from glassbed.features.traces.models import Chunk
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def owner():
    return people.make_person()


@pytest.fixture
def operator():
    return people.make_person()


@pytest.fixture
def printer(owner, operator):
    made = people.make_printer(owner)
    people.share(made, operator, Level.OPERATOR)
    return made


def queued(owner):
    with purpose("printing", person=owner.pk):
        rows = Print.objects.filter(state="queued").order_by("position", "id")
        return [(row.pk, row.position) for row in rows]


def add(person, printer, file, **form):
    return people.browser_of(person).post(f"/printers/{printer.pk}/queue/", {"file": file.pk, **form})


def test_files_wait_in_the_order_in_which_they_came(owner, operator, printer):
    assert add(owner, printer, people.make_file(owner)).status_code == 302
    assert add(operator, printer, people.make_file(operator)).status_code == 302
    with purpose("printing", person=owner.pk):
        rows = list(Print.objects.order_by("position"))
    assert [(row.person_id, row.position, row.file_name) for row in rows] == [
        (owner.pk, 1, "cube.gcode"),
        (operator.pk, 2, "cube.gcode"),
    ]


def test_another_persons_file_can_not_be_queued(owner, operator, printer):
    assert add(operator, printer, people.make_file(owner)).status_code == 404
    assert queued(owner) == []


def test_who_may_only_watch_queues_nothing(owner, printer):
    viewer = people.make_person()
    people.share(printer, viewer, Level.VIEWER)
    assert add(viewer, printer, people.make_file(viewer)).status_code == 403


def test_a_waiting_print_moves_before_another_or_to_the_end(owner, printer):
    a, b, c = (people.make_print(printer, owner) for _ in range(3))
    with purpose("printing", person=owner.pk):  # ids of one millisecond have no order
        for position, item in enumerate((a, b, c), start=1):
            Print.objects.filter(pk=item.pk).update(position=position)
    browser = people.browser_of(owner)
    browser.post(f"/prints/{c.pk}/move/", {"before": a.pk})
    assert [pk for pk, _ in queued(owner)] == [c.pk, a.pk, b.pk]
    browser.post(f"/prints/{c.pk}/move/")
    assert [pk for pk, _ in queued(owner)] == [a.pk, b.pk, c.pk]
    assert [position for _, position in queued(owner)] == [1, 2, 3]


def test_a_print_that_is_over_does_not_move(owner, printer):
    done = people.make_print(printer, owner, None, "completed")
    assert people.browser_of(owner).post(f"/prints/{done.pk}/move/").status_code == 409


def test_a_print_whose_bridge_is_away_waits_again_and_says_why(owner, printer):
    browser = people.browser_of(owner)
    waiting = people.make_print(printer, owner, people.make_file(owner))
    response = browser.post(f"/prints/{waiting.pk}/start/", follow=True)
    assert "not connected" in response.content.decode()
    assert [pk for pk, _ in queued(owner)] == [waiting.pk]


def test_a_print_that_can_not_start_at_once_does_not_wait(owner, printer):
    form = {"file": people.make_file(owner).pk, "now": "1"}
    response = people.browser_of(owner).post(f"/printers/{printer.pk}/queue/", form, follow=True)
    assert "not connected" in response.content.decode()
    assert queued(owner) == []


def test_a_print_is_taken_from_the_queue(owner, printer):
    waiting = people.make_print(printer, owner)
    assert people.browser_of(owner).post(f"/prints/{waiting.pk}/take/").status_code == 302
    assert queued(owner) == []
    done = people.make_print(printer, owner, None, "completed")
    assert people.browser_of(owner).post(f"/prints/{done.pk}/take/").status_code == 409


def test_an_ended_print_is_printed_again(owner, printer):
    done = people.make_print(printer, owner, people.make_file(owner), "completed")
    assert people.browser_of(owner).post(f"/prints/{done.pk}/again/").status_code == 302
    assert len(queued(owner)) == 1


def test_a_print_is_removed_with_its_trace(owner, printer):
    done = people.make_print(printer, owner, None, "completed")
    people.make_trace(done)
    assert people.browser_of(owner).post(f"/prints/{done.pk}/remove/").status_code == 302
    with purpose("printing", person=owner.pk):
        assert (Print.objects.count(), Chunk.objects.count()) == (0, 0)


def test_another_persons_print_is_not_removed_by_whoever_may_print(owner, operator, printer):
    done = people.make_print(printer, owner, None, "completed")
    people.make_trace(done)
    assert people.browser_of(operator).post(f"/prints/{done.pk}/remove/").status_code == 403
    with purpose("printing", person=owner.pk):
        assert (Print.objects.count(), Chunk.objects.count()) == (1, 1)


def test_a_file_leaves_its_prints_in_the_history(owner, printer):
    file = people.make_file(owner)
    done = people.make_print(printer, owner, file, "completed")
    people.make_print(printer, owner, file)
    assert people.browser_of(owner).post(f"/files/{file.pk}/remove/").status_code == 302
    with purpose("printing", person=owner.pk):
        assert list(Print.objects.values_list("id", "file")) == [(done.pk, None)]
        assert File.objects.count() == 0


def test_a_file_is_removed_though_it_was_printed_where_one_may_no_longer_print(owner, operator, printer):
    file = people.make_file(operator)
    people.make_print(printer, operator, file, "completed")
    with purpose("printing", person=owner.pk):
        printer.shares.all().delete()
    assert people.browser_of(operator).post(f"/files/{file.pk}/remove/").status_code == 302
    with purpose("printing", person=operator.pk):
        assert File.objects.count() == 0


def test_a_printer_is_removed_with_everything_that_hangs_on_it(owner, operator, printer):
    people.make_trace(people.make_print(printer, owner, people.make_file(owner), "completed"))
    people.make_trace(people.make_print(printer, operator, people.make_file(operator), "completed"))
    people.make_connection(printer)
    people.make_invitation(printer)
    people.browser_of(operator).post(f"/printers/{printer.pk}/control/pause/")
    assert people.browser_of(owner).post(f"/printers/{printer.pk}/remove/").status_code == 302
    with purpose("printing", person=operator.pk):
        assert (Print.objects.count(), Chunk.objects.count(), File.objects.count()) == (0, 0, 1)


def test_a_bridge_gets_the_file_of_a_print_that_is_being_sent_and_no_other(owner, printer):
    import time

    from glassbed.features.printers.queries import tickets_secret
    from glassbed.protocol.tickets import BridgeTicket, sign

    def fetch(print_id, bridge, scheme="Bearer"):
        ticket = sign(
            BridgeTicket(bridge=str(bridge), printers=(), expires_at=time.time() + 60), tickets_secret()
        )
        return people.visitor().get(
            f"/bridge/files/{print_id}", headers={"Authorization": f"{scheme} {ticket}"}
        )

    file = people.make_file(owner)
    sending = people.make_print(printer, owner, file, "sending")
    waiting = people.make_print(printer, owner, file)
    response = fetch(sending.pk, printer.bridge_id)
    assert b"".join(response.streaming_content) == people.GCODE
    assert response["Content-Length"] == str(len(people.GCODE))
    other = people.make_bridge(people.make_person()).bridge
    assert fetch(sending.pk, other.pk).status_code == 404
    assert fetch(waiting.pk, printer.bridge_id).status_code == 404
    assert fetch(sending.pk, printer.bridge_id, "Basic").status_code == 404
    assert people.visitor().get(f"/bridge/files/{sending.pk}").status_code == 401


def test_a_print_can_not_name_somebody_elses_file(owner, printer):
    """Else its bridge would fetch it."""
    from django.db import IntegrityError

    foreign = people.make_file(people.make_person())
    with pytest.raises(IntegrityError):
        people.make_print(printer, owner, foreign, "sending")
