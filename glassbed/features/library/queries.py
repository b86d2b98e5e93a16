"""A person's files. Purpose: printing."""

from uuid import UUID

from django.db.models import QuerySet

from glassbed.features.library.models import File
from glassbed.protocol.errors import NotFound


def files() -> QuerySet[File]:
    """Newest first."""
    return File.objects.order_by("-uploaded_at", "-id")


def file(file_id: UUID) -> File:
    found = File.objects.filter(pk=file_id).first()
    if found is None:
        raise NotFound
    return found
