import asyncio
import dataclasses
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone
from instance import superuser, surface
from peers.smtp import Sink

from glassbed.foundation import mail
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def empty(servers):
    with superuser() as admin:
        admin.execute("TRUNCATE foundation_mail")


@pytest.fixture
def server(monkeypatch):
    """Let mail go to a server on loopback."""

    def use(url):
        monkeypatch.setattr(settings, "GLASSBED", dataclasses.replace(settings.GLASSBED, smtp_url=url))

    return use


def send(*to, subject="Welcome", text="Your code is 1234."):
    with purpose("sign_in"):
        return EmailMessage(subject, text, None, list(to)).send()


def waiting():
    with purpose("mailing"):
        return list(Mail.objects.order_by("to"))


def deliver():
    with surface("worker"):
        return mail.deliver_waiting()


def test_a_message_is_a_row_for_each_that_gets_it():
    send("anna@example.org", "ben@example.org")
    assert [(m.to, m.subject, m.text, m.sent_at, m.tries) for m in waiting()] == [
        ("anna@example.org", "Welcome", "Your code is 1234.", None, 0),
        ("ben@example.org", "Welcome", "Your code is 1234.", None, 0),
    ]


def test_a_message_of_an_action_that_fails_is_not_sent():
    with pytest.raises(ZeroDivisionError), purpose("sign_in"):
        EmailMessage("Welcome", "text", None, ["anna@example.org"]).send()
        raise ZeroDivisionError
    assert waiting() == []


def test_whoever_sends_can_not_read_the_outbox():
    from django.db import ProgrammingError

    with pytest.raises(ProgrammingError, match="permission denied"), purpose("sign_in"):
        Mail.objects.count()


def test_without_a_server_mails_wait_and_are_shown():
    send("anna@example.org")
    assert not mail.server_is_set()
    assert deliver() == 0
    with purpose("mailing"):
        assert [m.to for m in mail.recent()] == ["anna@example.org"]


def test_with_a_server_each_mail_goes_out_once(server):
    send("anna@example.org", subject="Grüße", text="Zeile eins\n.Zeile zwei")
    with Sink() as sink:
        server(sink.url)
        assert deliver() == 1
        assert deliver() == 0
        (received,) = sink.mails
    assert received.recipients == ["anna@example.org"]
    assert received.sender == settings.DEFAULT_FROM_EMAIL
    (row,) = waiting()
    assert (row.tries, row.sent_at is None) == (1, False)


def test_a_server_that_refuses_is_tried_again_later(server):
    send("anna@example.org")
    with Sink(refuses=True) as sink:
        server(sink.url)
        assert [deliver(), deliver()] == [0, 0]
        assert sink.mails == []
    (row,) = waiting()
    assert (row.tries, row.sent_at) == (1, None)


def test_one_mail_that_can_not_go_out_does_not_hold_up_the_others(server):
    send("anna@example.org")
    send("not an address")
    send("ben@example.org")
    with Sink() as sink:
        server(sink.url)
        deliver()
        assert {r for m in sink.mails for r in m.recipients} >= {"anna@example.org", "ben@example.org"}


def test_a_mail_that_another_worker_is_sending_is_left_to_it(server):
    send("anna@example.org")
    with Sink() as sink, superuser() as other:
        server(sink.url)
        with other.transaction():
            other.execute("SELECT FROM foundation_mail FOR UPDATE")
            assert deliver() == 0
        assert (sink.mails, waiting()[0].tries) == ([], 0)
        assert deliver() == 1


def test_a_mail_that_was_sent_meanwhile_is_not_sent_again(server):
    """Another worker sends the second while this one sends the first."""
    send("anna@example.org")
    send("ben@example.org")

    class Busy(Sink):
        async def _talk(self, reader, writer):
            await asyncio.to_thread(self.meanwhile)
            await super()._talk(reader, writer)

        def meanwhile(self):
            with superuser() as other:
                other.execute("UPDATE foundation_mail SET sent_at = now() WHERE \"to\" = 'ben@example.org'")

    with Busy() as sink:
        server(sink.url)
        assert deliver() == 1
    assert [mail.recipients for mail in sink.mails] == [["anna@example.org"]]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 587, "", "", False, False)),
        ("smtp://me:p%40ss@mail.example.org:25", ("mail.example.org", 25, "me", "p@ss", False, True)),
        ("smtps://me:pw@mail.example.org", ("mail.example.org", 465, "me", "pw", True, False)),
    ],
)
def test_the_address_of_the_server_says_how(server, url, expected):
    server(url)
    found = mail._server()
    assert (found.host, found.port, found.username, found.password, found.use_ssl, found.use_tls) == expected


def test_mails_leave_the_outbox_at_the_end_of_their_period():
    from glassbed.web.tidying import tidy

    send("old@example.org")
    with purpose("mailing"):
        Mail.objects.update(created_at=timezone.now() - timedelta(days=7, minutes=1))
    send("new@example.org")
    with surface("worker"):
        assert tidy() >= 1
    assert [m.to for m in waiting()] == ["new@example.org"]
