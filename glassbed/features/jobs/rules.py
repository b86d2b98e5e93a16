"""How a print may go on from where it is. Pure."""

from glassbed.protocol.errors import Conflict

NEXT: dict[str, frozenset[str]] = {
    "queued": frozenset({"sending", "cancelled"}),
    "sending": frozenset({"printing", "completed", "cancelled", "failed", "queued"}),
    "printing": frozenset({"completed", "cancelled", "failed"}),
    "completed": frozenset(),
    "cancelled": frozenset(),
    "failed": frozenset(),
}


def may_become(state: str, following: str) -> bool:
    return following in NEXT[state]


def require_next(state: str, following: str) -> None:
    """Raise `Conflict` when a print in `state` can't become `following`."""
    if not may_become(state, following):
        raise Conflict
