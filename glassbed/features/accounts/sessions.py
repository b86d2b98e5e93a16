"""Sessions in the database under the hash of their key, each tied to its person so that it can be ended.

Read and written under the purpose `sign_in` only; the request middleware sees to it.
"""

import hashlib
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from glassbed.features.accounts.models import Session
from glassbed.foundation.bus import tell_after_commit
from glassbed.protocol import subjects


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class SessionStore(DatabaseStore):
    """Django's database sessions with a hashed key and a person."""

    public_id: UUID | None = None
    browser = ""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Any:
        plain = self.session_key
        try:
            row = Session.objects.get(session_key=hashed(plain or ""), expire_date__gt=timezone.now())
        except Session.DoesNotExist:
            self._session_key = None
            return None
        self.public_id = row.public_id
        return row

    def exists(self, session_key: str | None = None) -> bool:
        return Session.objects.filter(session_key=hashed(session_key or "")).exists()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """Return the row to write. A row that exists keeps its public id and its first moment."""
        plain = self._get_or_create_session_key()  # type: ignore[attr-defined]  # Django's, not in the stubs
        now = timezone.now()
        row = Session.objects.filter(session_key=hashed(plain)).first() or Session(
            session_key=hashed(plain), created_at=now
        )
        row.session_data = self.encode(data)
        row.expire_date = self.get_expiry_date()
        row.person_id = data.get("_auth_user_id")
        row.browser = row.browser or self.browser
        row.last_used_at = now
        self.public_id = row.public_id
        return row

    def delete(self, session_key: str | None = None) -> None:
        """End a session; whatever it watches stops at once."""
        key = session_key or self.session_key
        row = Session.objects.filter(session_key=hashed(key or "")).first()
        if row is not None:
            row.delete()
            tell_after_commit(subjects.session(str(row.public_id)))

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.filter(expire_date__lt=timezone.now()).delete()
