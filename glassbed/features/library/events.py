"""What happens to files."""

from uuid import UUID

import msgspec


class FileLeaves(msgspec.Struct, frozen=True):
    """A file is being removed: who refers to it lets go first."""

    file: UUID
