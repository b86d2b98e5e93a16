import threading

import people
import pytest
from django.db import connection

from glassbed.features.printers.models import Bridge, Command, Invitation, Printer, Share
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def owner():
    return people.make_person(name="Olga")


@pytest.fixture
def printer(owner):
    return people.make_printer(owner)


def shares(owner):
    with purpose("printing", person=owner.pk):
        return dict(Share.objects.values_list("person", "level"))


def at_once(*jobs):
    """Run jobs in threads that begin together, and return their answers in order."""
    answers, gate = [None] * len(jobs), threading.Barrier(len(jobs))

    def run(number, job):
        gate.wait(5)
        answers[number] = job()
        connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_an_invitation_is_shown_before_it_is_accepted(owner, printer):
    guest = people.make_person()
    response = people.browser_of(owner).post(f"/printers/{printer.pk}/invite/", {"level": "2"})
    with purpose("printing", person=owner.pk):
        token_hash = Invitation.objects.get().token_hash
    assert token_hash not in response.content.decode()
    _invitation, token = people.make_invitation(printer, Level.OPERATOR)
    browser = people.browser_of(guest)
    page = browser.get(f"/invitations/{token}/").content.decode()
    assert "Olga" in page
    assert shares(owner) == {}
    assert browser.post(f"/invitations/{token}/")["Location"] == f"/printers/{printer.pk}/"
    assert shares(owner) == {guest.pk: Level.OPERATOR}
    assert browser.get(f"/printers/{printer.pk}/").status_code == 200


def test_an_invitation_is_good_once(owner, printer):
    _invitation, token = people.make_invitation(printer)
    people.browser_of(people.make_person()).post(f"/invitations/{token}/")
    late = people.browser_of(people.make_person())
    assert late.post(f"/invitations/{token}/").status_code == 404
    assert len(shares(owner)) == 1


def test_an_invitation_is_good_once_for_two_who_open_it_at_once(owner, printer):
    _invitation, token = people.make_invitation(printer)
    browsers = [people.browser_of(people.make_person()) for _ in range(3)]
    answers = at_once(*[lambda b=b: b.post(f"/invitations/{token}/").status_code for b in browsers])
    assert sorted(answers) == [302, 404, 404]
    assert len(shares(owner)) == 1


def test_the_owners_own_invitation_stays_for_others(owner, printer):
    _invitation, token = people.make_invitation(printer)
    people.browser_of(owner).post(f"/invitations/{token}/")
    assert people.browser_of(people.make_person()).get(f"/invitations/{token}/").status_code == 200


def test_a_new_invitation_changes_the_level(owner, printer):
    guest = people.make_person()
    for level in (Level.OPERATOR, Level.VIEWER):
        _invitation, token = people.make_invitation(printer, level)
        people.browser_of(guest).post(f"/invitations/{token}/")
        assert shares(owner) == {guest.pk: level}
    assert people.browser_of(guest).post(f"/printers/{printer.pk}/control/pause/").status_code == 403


def test_a_share_ends_from_either_side(owner, printer):
    first, second = people.make_person(), people.make_person()
    ended = people.share(printer, first, Level.VIEWER)
    people.share(printer, second, Level.OPERATOR)
    people.browser_of(owner).post(f"/shares/{ended.pk}/end/")
    people.browser_of(second).post(f"/printers/{printer.pk}/leave/")
    assert shares(owner) == {}
    for person in (first, second):
        assert not people.seen_by(person, Printer, printer.pk)


def test_a_command_is_written_down_with_who_when_what_and_how_it_ended(owner, printer):
    operator = people.make_person()
    people.share(printer, operator, Level.OPERATOR)
    assert people.browser_of(operator).post(f"/printers/{printer.pk}/control/pause/").status_code == 503
    with purpose("printing", person=owner.pk):
        row = Command.objects.get()
    assert (row.person_id, row.kind, row.outcome) == (operator.pk, "pause", "failed")
    assert row.issued_at <= row.ended_at
    assert "not connected" in row.reason


def test_a_command_that_does_not_exist_is_not_found(owner, printer):
    assert people.browser_of(owner).post(f"/printers/{printer.pk}/control/explode/").status_code == 404


def test_a_revoked_bridge_leaves_the_list_and_its_printers_stay(owner, printer):
    browser = people.browser_of(owner)
    browser.post(f"/bridges/{printer.bridge_id}/revoke/")
    with purpose("printing", person=owner.pk):
        assert Bridge.objects.get().revoked_at is not None
    assert browser.get(f"/printers/{printer.pk}/").status_code == 200
    assert browser.post(f"/bridges/{printer.bridge_id}/revoke/").status_code == 404


def test_a_ticket_for_watching_names_only_what_one_may_watch(owner, printer):
    import time

    from glassbed.features.printers.queries import tickets_secret
    from glassbed.protocol.tickets import read_viewer

    foreign = people.make_printer(people.make_person())
    body = {"printers": [str(printer.pk), str(foreign.pk)]}
    reply = people.browser_of(owner).post("/live/ticket", body, content_type="application/json")
    ticket = read_viewer(reply.json()["ticket"], tickets_secret(), time.time())
    assert (ticket.person, ticket.printers) == (str(owner.pk), (str(printer.pk),))
