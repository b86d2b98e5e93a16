"""A mail server that is away for long, and one that takes a mail and breaks off."""

import dataclasses
import logging
import smtplib
from datetime import timedelta

import people
import pytest
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connections
from django.utils import timezone
from instance import superuser, surface
from peers.smtp import Sink

from glassbed.foundation import mail
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose

pytestmark = pytest.mark.integration

AWAY = "smtp://127.0.0.1:1"


@pytest.fixture(autouse=True)
def empty(servers):
    with superuser() as admin:
        admin.execute("TRUNCATE foundation_mail")


@pytest.fixture
def server(monkeypatch):
    def use(url):
        monkeypatch.setattr(settings, "GLASSBED", dataclasses.replace(settings.GLASSBED, smtp_url=url))

    return use


def send(*to):
    with purpose("sign_in"):
        EmailMessage("Welcome", "Your code is 1234.", None, list(to)).send()


def make_older(age_s):
    with purpose("mailing"):
        Mail.objects.update(created_at=timezone.now() - timedelta(seconds=age_s))


def deliver():
    with surface("worker"):
        return mail.deliver_waiting()


def tries():
    with purpose("mailing"):
        return Mail.objects.get().tries


def test_a_server_that_is_away_for_hours_still_gets_the_mail(server):
    send("anna@example.org")
    server(AWAY)
    for age_s in mail.TRY_AT_AGE_S[:-1]:
        make_older(age_s)
        assert [deliver(), deliver(), deliver()] == [0, 0, 0]
    assert tries() == len(mail.TRY_AT_AGE_S) - 1
    make_older(mail.TRY_AT_AGE_S[-1])
    with Sink() as sink:
        server(sink.url)
        assert deliver() == 1
        assert [m.recipients for m in sink.mails] == [["anna@example.org"]]


def test_tries_that_were_missed_are_not_made_up_for(server):
    send("anna@example.org")
    make_older(4000)
    server(AWAY)
    deliver()
    assert tries() == 7  # the next one is due when the mail is three hours old


def test_a_mail_a_day_old_is_tried_once_and_then_given_up(server):
    send("anna@example.org")
    make_older(mail.TRY_AT_AGE_S[-1] + 60)
    server(AWAY)
    deliver()
    with Sink() as sink:
        server(sink.url)
        assert deliver() == 0
        assert sink.mails == []


def test_a_try_that_fails_is_logged_without_an_address(server, caplog):
    send("anna@example.org")
    server(AWAY)
    deliver()
    (line,) = [record for record in caplog.records if record.getMessage() == "mail_failed"]
    assert (line.levelno, line.glassbed) == (logging.WARNING, {"count": 1, "error": "ConnectionRefusedError"})
    with Sink(refuses=True) as sink:
        server(sink.url)
        make_older(10)
        deliver()
    line = [record for record in caplog.records if record.getMessage() == "mail_failed"][-1]
    assert line.glassbed == {"count": 2, "error": "SMTPRecipientsRefused"}


def test_a_server_that_is_away_is_asked_once_for_all_mails(server):
    send("anna@example.org", "ben@example.org")
    server(AWAY)
    deliver()
    with purpose("mailing"):
        assert sorted(Mail.objects.values_list("tries", flat=True)) == [0, 1]


def test_a_mail_whose_fate_is_lost_is_not_sent_at_every_round(server, monkeypatch):
    """The server takes the mail, and the worker is cut off before it could write that down."""
    send("anna@example.org")
    with Sink() as sink:
        server(sink.url)
        sent = mail._send

        def send_and_lose(*handed):
            sent(*handed)
            raise smtplib.SMTPServerDisconnected

        monkeypatch.setattr(mail, "_send", send_and_lose)
        deliver()
        deliver()
        assert len(sink.mails) == 1


def test_no_transaction_is_open_while_the_server_talks(server, monkeypatch):
    """Otherwise the database ends it after a minute, and what was sent is not written down."""
    send("anna@example.org")
    found, sent = [], mail._send

    def look(*handed):
        found.append(connections["default"].in_atomic_block)
        sent(*handed)

    monkeypatch.setattr(mail, "_send", look)
    with Sink() as sink:
        server(sink.url)
        assert deliver() == 1
    assert found == [False]


# -- the page of the operator --------------------------------------------------------------------------------------


def test_the_operator_sees_that_mails_wait_and_not_whose(server):
    operator, other = people.make_person(is_operator=True), people.make_person()
    send("anna@example.org")
    server(AWAY)
    page = people.browser_of(operator).get("/outbox/").content.decode()
    assert "Next try" in page
    assert "anna@example.org" not in page
    assert "1234" not in page
    make_older(mail.TRY_AT_AGE_S[-1])
    deliver()
    assert "Given up" in people.browser_of(operator).get("/outbox/").content.decode()
    assert people.browser_of(other).get("/outbox/").status_code == 403


def test_a_mail_that_was_taken_leaves_the_operators_page(server):
    operator = people.make_person(is_operator=True)
    send("anna@example.org")
    with Sink() as sink:
        server(sink.url)
        deliver()
    assert "The mail server took all of them" in people.browser_of(operator).get("/outbox/").content.decode()
