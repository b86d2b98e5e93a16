"""Each person's data key: made at sign-up, wrapped by a key outside of the database, gone with the person.

AES key wrap (RFC 3394). Purpose: one that may read the category `key`.
"""

import os
from uuid import UUID

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap
from django.conf import settings
from django.utils import timezone

from glassbed.foundation.models import DataKey
from glassbed.protocol.errors import NotFound

KEY_BYTES = 32


def create_data_key(person: UUID) -> None:
    """Make a person's key. Purpose: sign_in."""
    wrapped = aes_key_wrap(settings.GLASSBED.secret("data-keys"), os.urandom(KEY_BYTES))
    DataKey.objects.create(person_id=person, wrapped=wrapped, created_at=timezone.now())


def data_key(person: UUID) -> bytes:
    """Return a person's key, 32 bytes. Raises `NotFound` when this purpose or person may not have it."""
    row = DataKey.objects.filter(person_id=person).first()
    if row is None:
        raise NotFound
    return aes_key_unwrap(settings.GLASSBED.secret("data-keys"), bytes(row.wrapped))
