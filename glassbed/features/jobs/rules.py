"""How a print may go on from where it is. Pure."""

from uuid import UUID

from glassbed.policy.binding import Level
from glassbed.protocol.errors import Conflict, NotAllowed

NEXT: dict[str, frozenset[str]] = {
    # what a bridge reports counts, also when its answer to the order was lost and the print seemed to wait again
    "queued": frozenset({"sending", "printing", "completed", "cancelled", "failed"}),
    "sending": frozenset({"printing", "completed", "cancelled", "failed", "queued"}),
    "printing": frozenset({"completed", "cancelled", "failed"}),
    "completed": frozenset(),
    "cancelled": frozenset(),
    "failed": frozenset(),
}


def may_become(state: str, following: str) -> bool:
    return following in NEXT[state]


def is_own(print_of: UUID, person: UUID, level: Level) -> bool:
    """Whether the print is the person's own, or on their own printer."""
    return print_of == person or level == Level.OWNER


def require_own(print_of: UUID, person: UUID, level: Level) -> None:
    """Raise `NotAllowed` unless it is."""
    if not is_own(print_of, person, level):
        raise NotAllowed


def require_next(state: str, following: str) -> None:
    """Raise `Conflict` when a print in `state` can't become `following`."""
    if not may_become(state, following):
        raise Conflict
