"""The sentence that ties a table to its category, its person, its retention and its end.

Each feature's privacy.py holds a literal dict BINDINGS: table name → `Bound` or `NotPersonal`.
"""

from enum import IntEnum
from typing import Literal

import msgspec


class Level(IntEnum):
    """What somebody may do with a printer."""

    VIEWER = 1
    OPERATOR = 2
    OWNER = 3


class Own(msgspec.Struct, frozen=True):
    """Rows whose `column` is the person the query runs for."""

    column: str


class Access(msgspec.Struct, frozen=True):
    """Rows whose printer (`column`) the person may use at `level` or higher."""

    column: str
    level: Level = Level.VIEWER


class Sharing(msgspec.Struct, frozen=True):
    """Rows whose `column` is somebody with whom the person shares a printer: one of the two owns it."""

    column: str


class Both(msgspec.Struct, frozen=True):
    """Rows for which two rules hold at once."""

    first: Own | Access | Sharing
    second: Own | Access | Sharing


Rule = Own | Access | Sharing | Both


class Person(msgspec.Struct, frozen=True):
    """Where a row names a person. `column` holds the person's id; or `via` is another bound table's key."""

    column: str
    role: Literal["owner", "party", "mentioned"] = "owner"
    via: str | None = None  # table whose row, found by `column`, names the person


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A table with personal data of exactly one category."""

    category: str
    person: tuple[Person, ...]
    retention: str
    erasure: Literal["delete", "anonymise", "keep"]
    portable: bool
    see: tuple[Rule, ...] = ()  # alternatives; none: no purpose of reach "own" sees a row
    change: tuple[Rule, ...] | None = None  # None: as `see`
    add: tuple[Rule, ...] | None = None  # None: as `change`
    remove: tuple[Rule, ...] | None = None  # None: as `change`
    append_null: tuple[str, ...] = ()  # columns that who only appends has to leave empty
    confidential: tuple[str, ...] = ()  # columns never exported, and named as withheld
    moment: str | None = None  # the column that says when a row was collected


class NotPersonal(msgspec.Struct, frozen=True, kw_only=True):
    """A table without personal data, and why it has none. `technical` reads it, the purposes in `also` write it."""

    because: str
    also: tuple[str, ...] = ()


Binding = Bound | NotPersonal
