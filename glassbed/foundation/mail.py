"""Mail: every message is first a row in the outbox, then delivered by the worker where a server is set."""

import ipaddress
import logging
import operator
import smtplib
import ssl
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial, reduce
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import ProgrammingError
from django.db.models import Q
from django.utils import timezone
from django.utils.encoding import punycode

from glassbed.foundation import gate, log
from glassbed.foundation.models import Mail
from glassbed.foundation.outbound import Undeclared, place_of
from glassbed.foundation.purpose import purpose

logger = logging.getLogger(__name__)

TRY_AT_AGE_S = (0, 10, 30, 60, 300, 900, 3600, 10_800, 28_800, 86_400)
"""How old a mail is at each of its tries. A day later nobody waits for it any more."""
RECENT = 50
SERVER_TIMEOUT_S = 20
PURPOSE_OF = {"mail": "mailing", "news": "news"}
"""Way out → the purpose under which a mail of it is handled."""


class OutboxBackend(BaseEmailBackend):
    """Writes messages into the outbox, in the transaction of whoever sends them."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        now = timezone.now()
        rows = [
            Mail(
                person_id=getattr(message, "person_id", None),
                to=to,
                subject=message.subject[:200],
                text=str(message.body),
                created_at=now,
            )
            for message in email_messages
            for to in message.recipients()
        ]
        Mail.objects.bulk_create(rows)
        return len(email_messages)


class Waiting(NamedTuple):
    """A mail that the server has not taken, without what it says and to whom. The worker gave up without a next try."""

    created_at: datetime
    next_try_at: datetime | None


def server_is_set() -> bool:
    return settings.GLASSBED.smtp_url is not None


def recent() -> list[Mail]:
    """The newest mails of the outbox. Purpose: mailing."""
    return list(Mail.objects.order_by("-created_at")[:RECENT])


def undelivered() -> list[Waiting]:
    """The newest mails that the server has not taken. Purpose: mailing."""
    rows = Mail.objects.filter(sent_at=None).order_by("-created_at").values_list("created_at", "tries")
    ages = [timedelta(seconds=age_s) for age_s in TRY_AT_AGE_S]
    return [Waiting(at, at + ages[tries] if tries < len(ages) else None) for at, tries in rows[:RECENT]]


def deliver_waiting() -> int:
    """Deliver what is due, outside of any transaction; return how many went out."""
    if not server_is_set():
        return 0
    with purpose("mailing"):
        due = Mail.objects.filter(_due(timezone.now())).order_by("tries", "created_at")
        waiting = list(due.values_list("id", "way")[:RECENT])
    sent = 0
    for mail_id, way in waiting:
        if (tries := _count_try(mail_id)) is None:
            continue
        try:
            sent += _deliver(mail_id, way)
        except (OSError, ValueError, ProgrammingError, Undeclared) as error:
            log.event(logger, "mail_failed", level=logging.WARNING, count=tries, error=type(error).__name__)
            if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException):
                break  # the server itself is away: the other mails don't wait for it one by one
    return sent


def _due(now: datetime) -> Q:
    tries = enumerate(TRY_AT_AGE_S)
    ages = (Q(tries=count, created_at__lte=now - timedelta(seconds=age_s)) for count, age_s in tries)
    return Q(sent_at=None) & reduce(operator.or_, ages)


def _count_try(mail_id: UUID) -> int | None:
    """Count a try before it is made, and those that were missed: whatever happens then, the next one is later.

    Not under the purpose of its way, which may not see the mail. None: another worker has it, or had.
    """
    now = timezone.now()
    with purpose("mailing"):
        due = Mail.objects.select_for_update(skip_locked=True).filter(_due(now), pk=mail_id)
        if (created_at := due.values_list("created_at", flat=True).first()) is None:
            return None
        tries = bisect_right(TRY_AT_AGE_S, (now - created_at).total_seconds())
        Mail.objects.filter(pk=mail_id).update(tries=tries)
        return tries


def _deliver(mail_id: UUID, way: str) -> bool:
    """Send a mail under the purpose of its way: one to somebody who no longer agrees to news is not there to be sent."""
    with purpose(PURPOSE_OF[way]):
        mail = Mail.objects.filter(pk=mail_id).first()
    if mail is None:
        return False
    gate.hand_over(way, _fields(mail), _send)
    with purpose(PURPOSE_OF[way]):
        Mail.objects.filter(pk=mail_id).update(sent_at=timezone.now())
        gate.record(way, _fields(mail), person=mail.person_id, mail=mail_id)
    return True


def _fields(mail: Mail) -> dict[str, str]:
    """What leaves, by the names under which the policy lists it."""
    said = {"to": mail.to, "subject": mail.subject, "text": mail.text}
    return said | {"unsubscribe": mail.unsubscribe} if mail.unsubscribe else said


def _send(url: str, fields: Mapping[str, str]) -> None:
    """Send a mail of these fields, our own address and a random number, and nothing else, through a server."""
    message = EmailMessage(
        fields["subject"],
        fields["text"],
        settings.DEFAULT_FROM_EMAIL,
        [fields["to"]],
        headers={"Message-ID": f"<{uuid4()}@{_our_name()}>", **_headers(fields)},
    ).message()
    with _connected(url) as server:
        server.send_message(message)


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """One click stops news (RFC 8058)."""
    if not (link := fields.get("unsubscribe")):
        return {}
    return {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


@contextmanager
def _connected(url: str) -> Iterator[smtplib.SMTP]:
    """Greet the server by our public name. Django's own way would look up this machine's, and tell it."""
    parts, (host, port) = urlsplit(url), place_of(url)
    is_secure = parts.scheme == "smtps"
    connect = partial(smtplib.SMTP_SSL, context=ssl.create_default_context()) if is_secure else smtplib.SMTP
    with connect(host, port, local_hostname=_our_name(), timeout=SERVER_TIMEOUT_S) as server:
        if parts.username:
            if not is_secure:
                server.starttls(context=ssl.create_default_context())
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server


def _our_name() -> str:
    """The host of our public address, as RFC 5321 (4.1.3) writes it."""
    host = str(urlsplit(settings.GLASSBED.public_url).hostname)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return punycode(host)
    return f"[IPv6:{address}]" if isinstance(address, ipaddress.IPv6Address) else f"[{address}]"
