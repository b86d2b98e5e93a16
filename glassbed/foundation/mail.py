"""Mail: every message is first a row in the outbox, then delivered by the worker where a server is set."""

import smtplib
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.utils import timezone

from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose

TRIES = 8
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


def server_is_set() -> bool:
    return settings.GLASSBED.smtp_url is not None


def recent() -> list[Mail]:
    """The newest mails of the outbox. Purpose: mailing."""
    return list(Mail.objects.order_by("-created_at")[:RECENT])


def deliver_waiting() -> int:
    """Deliver what waits, each mail in a transaction of its own; return how many went out."""
    if not server_is_set():
        return 0
    with purpose("mailing"):
        waiting = list(
            Mail.objects.filter(sent_at=None, tries__lt=TRIES)
            .order_by("created_at")
            .values_list("id", flat=True)[:RECENT]
        )
    return sum(_deliver(mail) for mail in waiting)


def _deliver(mail_id: UUID) -> bool:
    with purpose("mailing"):
        mail = Mail.objects.select_for_update(skip_locked=True).filter(pk=mail_id, sent_at=None).first()
        if mail is None:
            return False
        mail.tries += 1
        message = EmailMessage(mail.subject, mail.text, settings.DEFAULT_FROM_EMAIL, [mail.to])
        try:
            _server().send_messages([message])
            mail.sent_at = timezone.now()
        except (OSError, smtplib.SMTPException):
            pass  # tried again at the next round; the outbox page shows that it waits
        mail.save(update_fields=["tries", "sent_at"])
        return mail.sent_at is not None


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
