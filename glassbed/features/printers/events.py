"""What happens to printers."""

from uuid import UUID

import msgspec


class PrinterLeaves(msgspec.Struct, frozen=True):
    """A printer is being removed: what belongs to it goes first."""

    printer: UUID
