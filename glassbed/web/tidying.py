"""Removes what has reached the end of its period. Purpose: tidying."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.utils import timezone

from glassbed.features.accounts.models import Session
from glassbed.features.library.models import File
from glassbed.features.library.upload import store
from glassbed.features.printers.models import Bridge, Invitation, Pairing
from glassbed.foundation.blobs import BlobStore
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose, technical

ORPHAN_AGE_S = 86_400.0
"""Younger blobs may belong to an upload whose row is not written yet."""
ASIDE_S = 7 * 86_400.0
"""For so long a blob that no row names can still come back: a backup of the database may be restored meanwhile."""


class NotAllRowsSeen(RuntimeError):
    """The database does not show everybody's files here, so nobody can tell which blobs are left over."""


class OtherDatabase(RuntimeError):
    """The blobs belong to another database than this one. See "The data folder" in docs/operate.md."""


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
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT sec.expire(%s)", [now])  # consents that ran out
        return sum(rows.delete()[0] for rows in due)


def sweep_blobs() -> int:
    """Put blobs aside that no row names, and remove those that lie there for a week. Returns how many moved.

    Raises `NotAllRowsSeen` and `OtherDatabase`: "no rows" is also what an empty or silent database answers.
    """
    blobs, aside = store(), BlobStore(settings.HOME / "blobs" / "aside")
    left = blobs.sweep_temporary()
    stored = blobs.stored(older_than_s=ORPHAN_AGE_S)
    named = _named()
    _require_own_blobs(blobs, named)
    orphans, missed, ended = (
        stored - named,
        aside.stored(older_than_s=0) & named,
        aside.stored(older_than_s=ASIDE_S),
    )
    for blob in orphans:
        blobs.move(blob, aside)
    for blob in missed:
        aside.move(blob, blobs)
    for blob in ended - missed:
        aside.delete(blob)
    return left + len(orphans | missed | ended)


def _named() -> set[UUID]:
    """Return every blob that a row names."""
    with purpose("tidying"), connections["default"].cursor() as cursor:
        rows = File.objects.values_list("id", "thumbnail").iterator()
        named = {blob for row in rows for blob in row if blob}
        cursor.execute("SELECT sec.everyone() AND sec.stopped() = '{}'")
        if cursor.fetchone() != (True,):
            raise NotAllRowsSeen(NotAllRowsSeen.__doc__)
    return named


def _require_own_blobs(blobs: BlobStore, named: set[UUID]) -> None:
    """Compare this database with the one that the folder was swept by so far, named by its first migration."""
    with technical(), connections["default"].cursor() as cursor:
        cursor.execute("SELECT min(applied) FROM django_migrations")
        database = cursor.fetchone()[0].isoformat()
    mark = settings.HOME / "blobs" / "database"
    present = blobs.stored(older_than_s=0)
    if not mark.exists() and (not present or present & named):
        draft = mark.with_suffix(".new")
        draft.write_text(database, encoding="ascii")
        draft.rename(mark)
    if not mark.exists() or mark.read_text(encoding="ascii") != database:
        raise OtherDatabase(OtherDatabase.__doc__)
