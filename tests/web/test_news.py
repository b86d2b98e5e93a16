"""News reach who asked for them and nobody else, also when they withdraw while a mail waits; one click stops them."""

import dataclasses
import re
from threading import Thread

import people
import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone
from peers.smtp import Sink

from glassbed.features.trust import actions
from glassbed.features.trust.models import Decision
from glassbed.features.trust.unsubscribe import link
from glassbed.foundation import mail
from glassbed.foundation.ledger import LedgerNote
from glassbed.foundation.purpose import purpose
from glassbed.web import operator

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("nobody_waits")]


@pytest.fixture
def nobody_waits(servers):
    """Mails and decisions of other tests' people are not of these."""
    with servers.superuser() as admin:
        admin.execute("TRUNCATE foundation_mail")
        admin.execute("DELETE FROM trust_decision WHERE choice = 'news'")
        admin.execute("DELETE FROM sec.choice WHERE activity = 'news'")
        admin.execute("SELECT sec.refresh()")


@pytest.fixture
def sink(monkeypatch):
    with Sink() as listening:
        changed = dataclasses.replace(settings.GLASSBED, smtp_url=listening.url)
        monkeypatch.setattr(settings, "GLASSBED", changed)
        yield listening


def agree(person, *, is_open=True):
    with purpose("choosing", person=person.pk):
        actions.decide(person=person.pk, choice="news", is_open=is_open, language="en")


def write(subject="A new bed", text="It is made of glass."):
    browser = people.browser_of(people.make_person(is_operator=True))
    return browser.post("/desk/news/", {"subject": subject, "text": text}, follow=True).content.decode()


def deliver(servers):
    with servers.surface("worker"):
        return mail.deliver_waiting()


def recipients(sink):
    return [address for received in sink.mails for address in received.recipients]


@pytest.mark.promise("BL-22")
def test_news_go_to_who_agreed_and_to_nobody_else(servers, sink):
    agreed, silent = people.make_person(), people.make_person()
    agree(agreed)
    assert "News go to 1 person." in write()
    assert deliver(servers) == 1
    assert recipients(sink) == [people.address(agreed)]
    assert people.address(silent) not in recipients(sink)
    with purpose("choosing", person=agreed.pk):
        decision = Decision.objects.get()
    assert decision.open
    assert decision.at is not None  # dated


@pytest.mark.promise("BL-22")
def test_who_withdraws_while_news_wait_gets_none(servers, sink):
    agreed, stays = people.make_person(), people.make_person()
    agree(agreed)
    agree(stays)
    write()
    agree(agreed, is_open=False)
    assert deliver(servers) == 1
    assert recipients(sink) == [people.address(stays)]
    assert deliver(servers) == 0


def test_news_of_who_withdrew_do_not_hold_up_other_mails(servers, sink):
    withdrew, other = people.make_person(), people.make_person()
    agree(withdrew)
    for _ in range(mail.RECENT):
        write()
    agree(withdrew, is_open=False)
    people.visitor().post("/accounts/password/reset/", {"email": people.address(other)})
    assert [deliver(servers), deliver(servers)] == [0, 1]
    assert recipients(sink) == [people.address(other)]


def test_codes_still_reach_who_wants_no_news(servers, sink):
    person = people.make_person()
    agree(person, is_open=False)
    people.visitor().post("/accounts/password/reset/", {"email": people.address(person)})
    assert deliver(servers) == 1
    assert recipients(sink) == [people.address(person)]


@pytest.mark.promise("AC-18", part="mail server, guest and bridge; the other recipients have no code yet")
def test_each_mail_that_left_stands_in_the_record_of_its_person(servers, sink):
    person = people.make_person()
    agree(person)
    write()
    deliver(servers)
    with purpose("own_data", person=person.pk):
        note = LedgerNote.objects.get(kind="disclosed")
    assert note.payload["way"] == "news"
    assert note.payload["to"] == "mail_server"
    assert "A new bed" not in str(note.payload)


def test_news_carry_the_one_click_of_rfc_8058_which_stops_them(servers, sink):
    person = people.make_person()
    agree(person)
    write()
    deliver(servers)
    (received,) = sink.mails
    head = received.content.replace("\r\n ", " ").partition("\r\n\r\n")[0]
    address = re.search(r"^List-Unsubscribe: +<(.+)>\r$", head, re.MULTILINE)[1]
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    assert address.startswith(settings.GLASSBED.public_url)
    path = address.removeprefix(settings.GLASSBED.public_url)
    program = people.visitor()
    assert program.get(path).status_code == 200  # a program looks at links: nothing must come of it
    write()
    assert deliver(servers) == 1
    assert program.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    write()
    assert deliver(servers) == 0
    with purpose("choosing", person=person.pk):
        assert Decision.objects.order_by("-at").first().by == Decision.By.LINK


def decisions(person):
    with purpose("choosing", person=person.pk):
        return [(d.open, d.by) for d in Decision.objects.order_by("at", "id")]


def path_in_a_mail_to(person):
    return link(person.pk, "news", timezone.now()).removeprefix(settings.GLASSBED.public_url)


def test_a_link_stops_once_however_often_it_is_posted():
    person = people.make_person()
    agree(person)
    path = path_in_a_mail_to(person)
    answers = [people.visitor().post(path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "Stopped" in answers[-1].content.decode()
    assert decisions(person) == [(True, "person"), (False, "link")]
    with purpose("own_data", person=person.pk):
        assert LedgerNote.objects.filter(kind="decided").count() == 2


def test_a_link_does_not_end_a_consent_that_was_given_after_its_mail():
    person = people.make_person()
    agree(person)
    path = path_in_a_mail_to(person)
    agree(person, is_open=False)
    agree(person)
    answer = people.visitor().post(path)
    assert answer.status_code == 409
    assert "You allowed this anew after that mail was written" in answer.content.decode()
    assert decisions(person)[-1] == (True, "person")
    assert people.visitor().post(path_in_a_mail_to(person)).status_code == 200
    assert decisions(person)[-1] == (False, "link")


def test_who_withdraws_while_news_are_written_does_not_stop_those_of_others(servers, sink, monkeypatch):
    withdraws, stays = people.make_person(), people.make_person()
    agree(withdraws)
    agree(stays)
    linked = operator.link

    def withdraw():
        agree(withdraws, is_open=False)
        connections.close_all()

    def linked_while_one_withdraws(*asked):
        elsewhere = Thread(target=withdraw)
        elsewhere.start()
        elsewhere.join()
        return linked(*asked)

    monkeypatch.setattr(operator, "link", linked_while_one_withdraws)
    assert "News go to 1 person." in write()
    assert deliver(servers) == 1
    assert recipients(sink) == [people.address(stays)]


def test_a_link_that_was_tampered_with_stops_nothing():
    person = people.make_person()
    agree(person)
    path = link(person.pk, "news", timezone.now()).removeprefix(settings.GLASSBED.public_url)
    assert people.visitor().post(path[:-3] + "x/").status_code == 404
    other = link(person.pk, "everything", timezone.now()).removeprefix(settings.GLASSBED.public_url)
    assert people.visitor().post(other).status_code == 404


def test_only_the_operator_writes_news_and_not_without_a_text(servers, sink):
    agree(people.make_person())
    assert (
        people.browser_of(people.make_person()).post("/desk/news/", {"subject": "x", "text": "y"}).status_code
        == 403
    )
    assert "Nothing was sent" in write(text="")
    assert "Nothing was sent" in write(subject="two\nlines")
    assert "Nothing was sent" in write(subject="two\u2028lines")
    assert deliver(servers) == 0


def test_a_pack_without_news_has_no_way_to_write_them(monkeypatch):
    import msgspec

    activities = {k: v for k, v in settings.GLASSBED_PACK.activities.items() if k != "news"}
    monkeypatch.setattr(
        settings, "GLASSBED_PACK", msgspec.structs.replace(settings.GLASSBED_PACK, activities=activities)
    )
    browser = people.browser_of(people.make_person(is_operator=True))
    assert "desk/news" not in browser.get("/desk/").content.decode()
    assert browser.post("/desk/news/", {"subject": "x", "text": "y"}).status_code == 403
