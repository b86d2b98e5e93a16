"""Removes what has reached the end of its period. Purpose: tidying."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from glassbed.features.accounts.models import Session
from glassbed.features.library.models import File
from glassbed.features.library.upload import store
from glassbed.features.printers.models import Bridge, Invitation, Pairing
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose

ORPHAN_AGE_S = 86_400.0
"""Younger blobs may belong to an upload whose row is not written yet."""


def tidy() -> int:
    """Remove ended sessions, old mails, and codes and invitations that ran out. Returns how many rows."""
    now = timezone.now()
    period = {key: timedelta(days=rule.days or 0) for key, rule in settings.GLASSBED_PACK.retention.items()}
    due = (
        Session.objects.filter(expire_date__lt=now),
        Mail.objects.filter(created_at__lt=now - period["mail"]),
        Pairing.objects.filter(expires_at__lt=now - period["pairing"]),
        Invitation.objects.filter(expires_at__lt=now),
        Pairing.objects.filter(bridge__revoked_at__isnull=False),
        Bridge.objects.filter(revoked_at__isnull=False, printers=None),
    )
    with purpose("tidying"):
        return sum(rows.delete()[0] for rows in due)


def sweep_blobs() -> int:
    """Remove blobs that no row names: what a crash between two steps left. Returns how many."""
    stored = store().stored(older_than_s=ORPHAN_AGE_S)
    with purpose("tidying"):
        named = File.objects.values_list("id", "thumbnail").iterator()
        stored -= {blob for row in named for blob in row if blob}
    for blob in stored:
        store().delete(blob)
    return len(stored) + store().sweep_temporary()
