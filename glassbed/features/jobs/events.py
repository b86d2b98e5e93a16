"""What happens to prints."""

from uuid import UUID

import msgspec


class PrintLeaves(msgspec.Struct, frozen=True):
    """A print is being removed: its trace goes first."""

    print: UUID
