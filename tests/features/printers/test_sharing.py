import re
import threading
import time
from datetime import timedelta

import people
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from features.notes import noted
from features.on_the_bus import Overhearing

from glassbed.features.accounts.models import Session
from glassbed.features.accounts.sessions import hashed as session_hash
from glassbed.features.jobs.models import Print
from glassbed.features.printers import views
from glassbed.features.printers.actions import hashed
from glassbed.features.printers.models import Bridge, Command, Invitation, Printer, Share
from glassbed.features.printers.queries import tickets_secret
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol import subjects
from glassbed.protocol.tickets import LIFETIME_S, read_viewer

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


def test_a_new_invitation_raises_the_level_and_never_lowers_it(owner, printer):
    guest = people.make_person()
    for level in (Level.VIEWER, Level.OPERATOR, Level.VIEWER):
        invitation, token = people.make_invitation(printer, level)
        people.browser_of(guest).post(f"/invitations/{token}/")
        assert not people.seen_by(owner, type(invitation), invitation.pk)
        assert shares(owner)[guest.pk] >= level
    assert shares(owner) == {guest.pk: Level.OPERATOR}


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
    foreign = people.make_printer(people.make_person())
    body = {"printers": [str(printer.pk), str(foreign.pk)]}
    reply = people.browser_of(owner).post("/live/ticket", body, content_type="application/json")
    ticket = read_viewer(reply.json()["ticket"], tickets_secret(), time.time())
    assert (ticket.person, ticket.printers) == (str(owner.pk), (str(printer.pk),))


# -- what is told and noted ------------------------------------------------------------------------------------


def test_a_share_is_told_to_viewers_and_noted_when_it_begins_and_when_it_ends(owner, printer):
    guest = people.make_person()
    _invitation, token = people.make_invitation(printer)
    with Overhearing(subjects.EVERY_ACCESS) as heard:
        people.browser_of(guest).post(f"/invitations/{token}/")
    assert heard.named == [subjects.access(str(printer.pk))]
    with Overhearing(subjects.EVERY_ACCESS) as heard:
        people.browser_of(guest).post(f"/printers/{printer.pk}/leave/")
    assert heard.named == [subjects.access(str(printer.pk))]
    assert noted(guest) == ["account_opened", "share_accepted", "share_ended"]


@pytest.mark.parametrize("path", ["/shares/{share}/end/", "/printers/{printer}/leave/"])
def test_what_somebody_has_waiting_goes_with_their_share_and_nothing_else(owner, printer, path):
    guest = people.make_person()
    given = people.share(printer, guest, Level.OPERATOR)
    gone = people.make_print(printer, guest, people.make_file(guest))
    stay = [
        people.make_print(printer, guest, None, "completed"),
        people.make_print(printer, owner),
        people.make_print(people.make_printer(guest), guest),
    ]
    browser = people.browser_of(owner if "shares" in path else guest)
    browser.post(path.format(share=given.pk, printer=printer.pk))
    assert not people.seen_by(guest, Print, gone.pk)
    for kept in stay:
        assert people.seen_by(kept.person, Print, kept.pk)


def test_an_invitation_that_is_too_old_is_neither_shown_nor_accepted(owner, printer):
    guest = people.browser_of(people.make_person())
    made, token = people.make_invitation(printer)
    with purpose("printing", person=owner.pk):
        Invitation.objects.filter(pk=made.pk).update(expires_at=timezone.now())
    assert guest.get(f"/invitations/{token}/").status_code == 404
    assert guest.post(f"/invitations/{token}/").status_code == 404
    assert shares(owner) == {}


def test_a_withdrawn_invitation_opens_nothing(owner, printer):
    made, token = people.make_invitation(printer)
    page = people.browser_of(owner).get(f"/printers/{printer.pk}/settings/").content.decode()
    assert f"/invitations/{made.pk}/withdraw/" in page
    people.browser_of(owner).post(f"/invitations/{made.pk}/withdraw/")
    assert people.browser_of(people.make_person()).post(f"/invitations/{token}/").status_code == 404


def test_an_invitation_is_made_for_a_week_and_its_link_is_shown_once(owner, printer):
    browser = people.browser_of(owner)
    page = browser.post(f"/printers/{printer.pk}/invite/", {"level": "2"}).content.decode()
    token = re.search(r"/invitations/([\w-]{32})/", page)[1]
    with purpose("printing", person=owner.pk):
        made = Invitation.objects.get()
    assert (made.token_hash, made.level) == (hashed(token), Level.OPERATOR)
    assert timedelta(days=6, hours=23) < made.expires_at - timezone.now() <= timedelta(days=7)
    assert token not in browser.get(f"/printers/{printer.pk}/settings/").content.decode()
    guest = people.make_person()
    people.browser_of(guest).post(f"/invitations/{token}/")
    assert shares(owner) == {guest.pk: Level.OPERATOR}


def test_nobody_but_the_owner_invites(owner, printer):
    operator = people.make_person()
    people.share(printer, operator, Level.OPERATOR)
    assert (
        people.browser_of(operator).post(f"/printers/{printer.pk}/invite/", {"level": "1"}).status_code == 403
    )
    with purpose("printing", person=owner.pk):
        assert Invitation.objects.count() == 0


# -- tickets for watching --------------------------------------------------------------------------------------


def live_ticket(person, *printers):
    body = {"printers": [str(printer.pk) for printer in printers]}
    return people.browser_of(person).post("/live/ticket", body, content_type="application/json")


def test_the_page_is_told_whether_it_may_no_longer_watch_a_part(owner, printer):
    foreign = people.make_printer(people.make_person())
    assert live_ticket(owner, printer, printer).json()["lost"] is False
    assert live_ticket(owner, printer, foreign).json()["lost"] is True


def test_who_may_watch_none_of_them_gets_no_ticket(owner):
    foreign = people.make_printer(people.make_person())
    assert live_ticket(owner, foreign).status_code == 403
    assert live_ticket(owner).status_code == 200  # a page without printers asks for none


def test_a_ticket_for_watching_is_of_the_session_that_asks(owner, printer):
    browser = people.browser_of(owner)
    reply = browser.post("/live/ticket", {"printers": [str(printer.pk)]}, content_type="application/json")
    ticket = read_viewer(reply.json()["ticket"], tickets_secret(), time.time())
    number = browser.cookies[settings.SESSION_COOKIE_NAME].value
    with purpose("sign_in"):
        assert ticket.session == str(Session.objects.get(session_key=session_hash(number)).public_id)
    assert ticket.expires_at - ticket.issued_at == LIFETIME_S


def test_a_page_may_watch_so_many_printers_and_no_more(owner, printer, monkeypatch):
    monkeypatch.setattr(views, "WATCHED_LIMIT", 1)
    second = people.make_printer(owner)
    reply = live_ticket(owner, printer, second).json()
    ticket = read_viewer(reply["ticket"], tickets_secret(), time.time())
    assert ticket.printers == (str(printer.pk),)
