"""Mail: every message is first a row in the outbox, then delivered by the worker where a server is set."""

import functools
import logging
import operator
import smtplib
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.db.models import Q
from django.utils import timezone

from glassbed.foundation import log
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose

logger = logging.getLogger(__name__)

TRY_AT_AGE_S = (0, 10, 30, 60, 300, 900, 3600, 10_800, 28_800, 86_400)
"""How old a mail is at each of its tries. A day later nobody waits for it any more."""
RECENT = 50


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
        due = Mail.objects.filter(_due(timezone.now())).order_by("created_at")
        waiting = list(due.values_list("id", flat=True)[:RECENT])
    sent = 0
    for mail in filter(None, map(_claimed, waiting)):
        try:
            _send(mail)
        except OSError as error:
            log.event(
                logger, "mail_failed", level=logging.WARNING, count=mail.tries, error=type(error).__name__
            )
            if not isinstance(error, smtplib.SMTPException):
                break  # the server itself is away: the other mails don't wait for it one by one
            continue
        with purpose("mailing"):
            Mail.objects.filter(pk=mail.pk).update(sent_at=timezone.now())
        sent += 1
    return sent


def _due(now: datetime) -> Q:
    tries = enumerate(TRY_AT_AGE_S)
    ages = (Q(tries=count, created_at__lte=now - timedelta(seconds=age_s)) for count, age_s in tries)
    return Q(sent_at=None) & functools.reduce(operator.or_, ages)


def _claimed(mail_id: UUID) -> Mail | None:
    """Count a try before it is made, and those that were missed: whatever happens then, the next one is later."""
    now = timezone.now()
    with purpose("mailing"):
        mail = Mail.objects.select_for_update(skip_locked=True).filter(_due(now), pk=mail_id).first()
        if mail:
            mail.tries = bisect_right(TRY_AT_AGE_S, (now - mail.created_at).total_seconds())
            mail.save(update_fields=["tries"])
        return mail


def _send(mail: Mail) -> None:
    message = EmailMessage(mail.subject, mail.text, settings.DEFAULT_FROM_EMAIL, [mail.to])
    _server().send_messages([message])


def _server() -> SmtpBackend:
    url = urlsplit(settings.GLASSBED.smtp_url)
    secure = url.scheme == "smtps"
    return SmtpBackend(
        host=str(url.hostname),
        port=url.port or (465 if secure else 587),
        username=unquote(url.username or ""),
        password=unquote(url.password or ""),
        use_ssl=secure,
        use_tls=not secure and bool(url.username),
        timeout=20,
    )
