"""Removes what has reached the end of its period. Purpose: tidying."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from glassbed.features.accounts.models import Session
from glassbed.features.printers.models import Invitation, Pairing
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose


def tidy() -> int:
    """Remove ended sessions, old mails, and codes and invitations that ran out. Returns how many rows."""
    now = timezone.now()
    period = {key: timedelta(days=rule.days or 0) for key, rule in settings.GLASSBED_PACK.retention.items()}
    due = (
        Session.objects.filter(expire_date__lt=now),
        Mail.objects.filter(created_at__lt=now - period["mail"]),
        Pairing.objects.filter(expires_at__lt=now - period["pairing"]),
        Invitation.objects.filter(expires_at__lt=now),
    )
    with purpose("tidying"):
        return sum(rows.delete()[0] for rows in due)
