"""What happens to printers."""

from uuid import UUID

import msgspec


class ShareEnds(msgspec.Struct, frozen=True):
    """Somebody's share of a printer is about to end: what they have waiting on it goes first. Purpose: printing."""

    printer: UUID
    person: UUID


class PrinterLeaves(msgspec.Struct, frozen=True):
    """A printer is being removed: what belongs to it goes first."""

    printer: UUID
