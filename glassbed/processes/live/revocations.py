"""What was revoked a moment ago, so that a ticket issued just before does not open a socket just after."""

import time

from glassbed.protocol.tickets import LONGEST_LIFETIME_S


class Revocations:
    """Times of the last revocation of each subject, kept no longer than a ticket can live.

    Without it there is a gap: ticket issued, access taken, socket opened, and nobody left to tell.
    """

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._everything_at = 0.0

    def note(self, subject: str) -> None:
        self._at[subject] = time.time()

    def note_everything(self) -> None:
        """Messages may have been missed: no ticket issued before now opens a socket."""
        self._everything_at = time.time()

    def is_stale(self, issued_at: float, subjects: list[str]) -> bool:
        return issued_at <= self._everything_at or any(
            issued_at <= self._at.get(each, 0.0) for each in subjects
        )

    def sweep(self) -> None:
        oldest = time.time() - LONGEST_LIFETIME_S
        self._at = {subject: at for subject, at in self._at.items() if at > oldest}
