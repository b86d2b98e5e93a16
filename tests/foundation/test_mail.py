import asyncio
import dataclasses
import ipaddress
import os
import re
import socket
import ssl
import subprocess
import sys
import textwrap
from datetime import timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
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


def test_a_mail_that_can_not_be_written_as_one_does_not_hold_up_the_others(server, caplog):
    send("anna@example.org", subject="two\nlines")
    send("ben@example.org")
    with Sink() as sink:
        server(sink.url)
        assert deliver() == 1
        assert [mail.recipients for mail in sink.mails] == [["ben@example.org"]]
    (line,) = [record for record in caplog.records if record.getMessage() == "mail_failed"]
    assert line.glassbed == {"count": 1, "error": "BadHeaderError"}


def test_what_the_policy_no_longer_lets_out_is_tried_and_logged_as_that(server, monkeypatch, caplog):
    send("anna@example.org")
    send("ben@example.org")
    ways = {way: said for way, said in settings.GLASSBED_PACK.disclosures.items() if way != "mail"}
    changed = msgspec.structs.replace(settings.GLASSBED_PACK, disclosures=ways)
    monkeypatch.setattr(settings, "GLASSBED_PACK", changed)
    with Sink() as sink:
        server(sink.url)
        assert deliver() == 0
        assert sink.mails == []
    lines = [record.glassbed["error"] for record in caplog.records if record.getMessage() == "mail_failed"]
    assert lines == ["Undeclared", "Undeclared"]


def test_a_mail_whose_purpose_the_policy_no_longer_has_does_not_hold_up_the_others(server):
    news = settings.GLASSBED_ROLES.purpose("news")
    send("anna@example.org")
    with superuser() as admin:
        admin.execute("UPDATE foundation_mail SET way = 'news'")
        send("ben@example.org")
        admin.execute(f"REVOKE SELECT ON foundation_mail FROM {news}")
        try:
            with Sink() as sink:
                server(sink.url)
                assert deliver() == 1
                assert [mail.recipients for mail in sink.mails] == [["ben@example.org"]]
        finally:
            admin.execute(f"GRANT SELECT ON foundation_mail TO {news}")


class Overheard(Sink):
    """Keeps every line that it is told, and would take a password."""

    def __init__(self):
        super().__init__()
        self.lines = []

    async def _talk(self, reader, writer):
        listened = reader.readline

        async def readline():
            line = await listened()
            self.lines.append(line.decode(errors="replace").strip())
            if line.startswith(b"ehlo"):
                writer.write(b"250-sink\r\n250-AUTH PLAIN\r\n")
            return line

        reader.readline = readline
        await super()._talk(reader, writer)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://print.example.org:8443", "print.example.org"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("http://192.168.1.20:8080", "[192.168.1.20]"),
        ("http://[fd00::1]:8080", "[IPv6:fd00::1]"),
    ],
)
def test_the_machines_own_name_is_not_told(server, monkeypatch, address, name):
    changed = dataclasses.replace(settings.GLASSBED, public_url=address)
    monkeypatch.setattr(settings, "GLASSBED", changed)
    send("anna@example.org")
    with Overheard() as sink:
        server(sink.url)
        assert deliver() == 1
        (received,) = sink.mails
    assert sink.lines[0] == f"ehlo {name}"
    assert re.search(rf"^Message-ID: <[0-9a-f-]{{36}}@{re.escape(name)}>\r$", received.content, re.MULTILINE)
    assert socket.gethostname() not in "".join(sink.lines) + received.content


def test_a_mail_goes_out_of_a_guarded_process():
    """Without a look-up of any name, and through its way alone."""
    body = """
    import dataclasses, sys
    import instance
    from django.conf import settings
    from glassbed.foundation import gate, mail, outbound
    outbound.guard()
    settings.GLASSBED = dataclasses.replace(settings.GLASSBED, smtp_url=sys.argv[1])
    said = {"to": "anna@example.org", "subject": "Code", "text": "1234"}
    gate.hand_over("mail", said, mail._send)
    try:
        mail._send(sys.argv[1], said)
    except outbound.Undeclared:
        print("not without its way")
    """
    with Sink() as sink:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(body), sink.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert (done.stdout, done.stderr) == ("not without its way\n", "")
        assert [mail.recipients for mail in sink.mails] == [["anna@example.org"]]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_password_is_told_over_tls_alone(server, scheme):
    send("anna@example.org")
    with Overheard() as sink:
        server(sink.url.replace("smtp://", f"{scheme}://me:p%40ss@"))
        assert deliver() == 0
    assert [line for line in sink.lines if line.upper().startswith("AUTH")] == []
    assert sink.mails == []


@pytest.fixture
def certified(tmp_path):
    """A server's side of TLS for loopback, and the file with who vouches for it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), timezone.now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1)
    )
    signed = made.add_extension(here, critical=False).sign(key, SHA256())
    kept = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "ca.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    (tmp_path / "both.pem").write_bytes(kept + signed.public_bytes(Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "both.pem")
    return context, str(tmp_path / "ca.pem")


def test_over_tls_a_server_that_nobody_vouches_for_gets_nothing(server, monkeypatch, certified):
    context, vouched_for = certified
    send("anna@example.org")
    with Sink(tls=context) as sink:
        server(sink.url)
        assert deliver() == 0
        with purpose("mailing"):
            Mail.objects.update(tries=0)
        monkeypatch.setenv("SSL_CERT_FILE", vouched_for)
        assert deliver() == 1
        assert [mail.recipients for mail in sink.mails] == [["anna@example.org"]]


def test_over_tls_one_signs_in_with_the_name_and_password_of_the_address(server, monkeypatch, certified):
    context, vouched_for = certified
    monkeypatch.setenv("SSL_CERT_FILE", vouched_for)
    send("anna@example.org")
    with Sink(tls=context) as sink:
        server(sink.url.replace("smtps://", "smtps://me:p%40ss@"))
        assert deliver() == 1
    assert sink.signed_in == [["me", "p@ss"]]


def test_mails_leave_the_outbox_at_the_end_of_their_period():
    from glassbed.web.tidying import tidy

    send("old@example.org")
    with purpose("mailing"):
        Mail.objects.update(created_at=timezone.now() - timedelta(days=7, minutes=1))
    send("new@example.org")
    with surface("worker"):
        assert tidy() >= 1
    assert [m.to for m in waiting()] == ["new@example.org"]
