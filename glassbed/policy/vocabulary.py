"""The words of a policy pack, as it stands in policy.yaml. Nothing here knows a database."""

from typing import Annotated, Literal

import msgspec

Key = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Sentence = Annotated[str, msgspec.Meta(min_length=3, max_length=2000)]

Basis = Literal["contract", "consent", "legitimate_interest", "legal_obligation"]
Reach = Literal["own", "everyone"]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Anything in a pack: an unknown field is an error, so that a typing mistake can't grant anything."""


class Party(Entry, frozen=True, kw_only=True):
    """Who answers for the instance."""

    name: str
    contact: str


class Category(Entry, frozen=True, kw_only=True):
    """A kind of personal data. `dpv` is its term in the W3C Data Privacy Vocabulary."""

    title: str
    holds: Sentence
    dpv: str


class Purpose(Entry, frozen=True, kw_only=True):
    """Why data is processed.

    `reach` "own" confines every query to the rows of the person it runs for; "everyone" is for work
    that has no signed-in person, and says why in `because`.
    """

    title: str
    says: Sentence
    basis: Basis
    reach: Reach = "own"
    because: Sentence | None = None
    reads: tuple[Key, ...] = ()
    writes: tuple[Key, ...] = ()
    appends: tuple[Key, ...] = ()  # adds rows that it can't read again
    surfaces: tuple[Literal["web", "worker", "recorder"], ...] = ("web",)
    balancing: Sentence | None = None
    dpv: str


class Retention(Entry, frozen=True, kw_only=True):
    """How long rows are kept. One of: until the person removes them, with the account, for days."""

    says: Sentence
    kind: Literal["until_removed", "with_account", "period"]
    days: int | None = None


class Cookie(Entry, frozen=True, kw_only=True):
    """A cookie or an entry of the browser's storage."""

    says: Sentence
    kind: Literal["cookie", "local_storage"]
    necessary: bool
    lifetime_days: int


class Pack(Entry, frozen=True, kw_only=True):
    """One operator's policy, whole."""

    pack: Key
    version: str
    effective: str  # ISO date
    controller: Party
    categories: dict[Key, Category]
    purposes: dict[Key, Purpose]
    retention: dict[Key, Retention]
    cookies: dict[str, Cookie]
    log_fields: dict[Key, Sentence]
    features: tuple[Key, ...]
