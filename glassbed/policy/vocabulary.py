"""The words of a policy pack, as it stands in policy.yaml, and of purposes.yaml. Nothing here knows a database.

`section` names where an entry stands in the document that the pack states; None in a pack that states none.
"""

from typing import Annotated, Literal

import msgspec

Key = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Sentence = Annotated[str, msgspec.Meta(min_length=3, max_length=4000)]
Days = Annotated[int, msgspec.Meta(ge=1, le=36_525)]
Date = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Term = Annotated[str, msgspec.Meta(pattern=r"^(dpv|pd|tech|eu-gdpr|justifications):[A-Za-z0-9-]+$")]
Language = Literal["en", "de", "zh-hans"]

Lawful = Literal[
    "contract", "consent", "legitimate_interest", "legal_obligation", "vital_interest", "public_task"
]
Reach = Literal["own", "self", "everyone"]
Surface = Literal["web", "worker", "recorder"]
Signal = Literal["gpc", "dnt"]
Role = Literal[
    "controller",
    "representative",
    "officer",
    "affiliate",
    "processor",
    "partner",
    "recipient",
    "authority",
    "person",
]
Mechanism = Literal[
    "adequacy", "standard_clauses", "binding_rules", "explicit_consent", "contract", "local_law"
]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Anything in a pack: an unknown field is an error, so that a typing mistake can't grant anything."""


class Stated(Entry, frozen=True, kw_only=True):
    """An entry that a document may have stated."""

    section: str | None = None


class Document(Entry, frozen=True, kw_only=True):
    """The published document whose facts a pack states in words of its own."""

    title: str
    version: str
    dated: Date | None = None


class Dates(Entry, frozen=True, kw_only=True):
    """From when a version holds for who signs up from then on, and for who was there before."""

    new_people: Date
    existing_people: Date


class Party(Stated, frozen=True, kw_only=True):
    """Who answers for the instance, or gets data. `country`: ISO 3166 code, or "instance" for where it stands.

    `mechanism` is what a transfer out of the instance's region rests on, `safeguards` the file beside the pack that
    anybody can download.
    """

    role: Role
    name: str
    does: Sentence
    country: Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{2}|instance|chosen)$")]
    contact: str | None = None
    address: str | None = None
    mechanism: Mechanism | None = None
    safeguards: str | None = None


class Category(Stated, frozen=True, kw_only=True):
    """A kind of personal data. `covers` are the program's own kinds that stand in it: its own key unless said."""

    title: str
    holds: Sentence
    dpv: Term
    covers: tuple[Key, ...] | None = None
    special: Literal["biometric", "health", "criminal"] | None = None


class Use(Entry, frozen=True, kw_only=True):
    """A category in an activity: whether it works without, and where the data comes from."""

    necessity: Literal["required", "optional"] = "required"
    origin: tuple[Literal["provided", "observed", "derived", "third_party"], ...]


class Ground(Entry, frozen=True, kw_only=True):
    """A legal basis of an activity, for some of its categories or, without a list, for all that no other names.

    `when` limits it to a case; `law` is cited for a legal obligation; `balancing` weighs a legitimate interest.
    """

    basis: Lawful
    categories: tuple[Key, ...] = ()
    when: Sentence | None = None
    law: str | None = None
    balancing: Sentence | None = None


class Activity(Stated, frozen=True, kw_only=True):
    """Why data is processed: a row of the record of processing (Art. 30 GDPR).

    `purposes` are the program's own (purposes.yaml) that run under it. `despite` names the holds that do not stop it.
    """

    title: str
    says: Sentence
    dpv: Term
    purposes: tuple[Key, ...] = ()
    subjects: tuple[
        Literal["account_holder", "guest", "visitor", "guardian", "applicant", "customer"], ...
    ] = ("account_holder",)
    categories: dict[Key, Use]
    grounds: tuple[Ground, ...]
    recipients: tuple[Key, ...] = ()
    automation: Literal["none", "profiling", "decision"] = "none"
    logic: Sentence | None = None
    measures: tuple[Key, ...] = ()
    despite: tuple[Literal["restriction", "missing_guardian"], ...] = ()


class Retention(Stated, frozen=True, kw_only=True):
    """How long rows are kept: until the person removes them, with the account, for days, or for days because of a law."""

    title: str
    says: Sentence
    kind: Literal["until_removed", "with_account", "period", "legal"]
    days: Days | None = None
    law: str | None = None


class Choice(Stated, frozen=True, kw_only=True):
    """What a person is asked: consent (off until given) or objection (on until used), as the activity's grounds say.

    `without` says what stops; `signals` are those of a browser that count as "no".
    """

    activity: Key
    title: str
    asks: Sentence
    without: Sentence
    signals: tuple[Signal, ...] = ()
    valid_days: Days | None = None


class Disclosure(Stated, frozen=True, kw_only=True):
    """A way out: what exactly leaves for a recipient, why, and by what means."""

    to: Key
    activity: Key
    says: Sentence
    categories: tuple[Key, ...]
    fields: tuple[Key, ...]
    means: Literal["smtp", "https", "page", "file", "websocket"]


class Right(Stated, frozen=True, kw_only=True):
    """What a person can ask. Deadlines in calendar months from receipt; `refusals` are terms of DPV's justifications."""

    article: str
    title: str
    says: Sentence
    self_service: bool
    identity: Literal["session", "password", "address", "document"] = "password"
    months: Annotated[int, msgspec.Meta(ge=0, le=3)] = 1
    extension_months: Annotated[int, msgspec.Meta(ge=0, le=2)] = 2
    repeat_days: int = 0
    refusals: tuple[Term, ...] = ()


class Ages(Stated, frozen=True, kw_only=True):
    """From which age a person decides alone: the country's (ages.yaml), else `fallback`; and what happens below."""

    fallback: Annotated[int, msgspec.Meta(ge=13, le=18)]
    below: Literal["guardian", "refused"]
    freeze_days: Days
    says: Sentence


class Storage(Stated, frozen=True, kw_only=True):
    """A cookie or an entry of the browser's storage. One that is not necessary waits for a consent: `choice`."""

    says: Sentence
    holds: Sentence
    kind: Literal["cookie", "local_storage"]
    grade: Literal["necessary", "functional", "analytics", "marketing"]
    lifetime_days: Days
    choice: Key | None = None


class Log(Entry, frozen=True, kw_only=True):
    """What a line of the log may hold, for how long, and when addresses of the network lose their last part."""

    fields: dict[Key, Sentence]
    keep_days: Days
    truncate_addresses_after_days: Annotated[int, msgspec.Meta(ge=0)]


class Feature(Stated, frozen=True, kw_only=True):
    """A part of the product, with the statement that stands in it. One without an entry does not start."""

    title: str
    says: Sentence
    on: bool = True
    activities: tuple[Key, ...]


class Staff(Entry, frozen=True, kw_only=True):
    """When somebody of the operator's may look at a person's data: reasons, minutes, and who signs it off."""

    says: Sentence
    reasons: dict[Key, Sentence]
    minutes: Annotated[int, msgspec.Meta(ge=5, le=480)]
    review_days: Days


class Incident(Entry, frozen=True, kw_only=True):
    """Clocks after a breach."""

    authority_hours: Annotated[int, msgspec.Meta(ge=1, le=72)]
    people_hours: Annotated[int, msgspec.Meta(ge=1, le=720)]


class Region(Entry, frozen=True, kw_only=True):
    """Where something else holds: countries (ISO 3166), and a patch in the pack's own shape."""

    countries: tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")], ...]
    because: Sentence
    patch: dict[str, object]


class Pack(Entry, frozen=True, kw_only=True):
    """One operator's policy, whole."""

    pack: Key
    title: str
    version: str
    effective: Dates
    languages: tuple[Language, ...]
    summary: Sentence
    document: Document | None = None
    parties: dict[Key, Party]
    categories: dict[Key, Category]
    activities: dict[Key, Activity]
    measures: dict[Key, Sentence]
    retention: dict[Key, Retention]
    choices: dict[Key, Choice]
    disclosures: dict[Key, Disclosure]
    rights: dict[Key, Right]
    ages: Ages
    public: dict[Key, Sentence]
    signals: dict[Signal, bool]
    storage: dict[str, Storage]
    log: Log
    staff: Staff
    incident: Incident
    features: dict[Key, Feature]
    regions: dict[Key, Region] = {}
    silent: dict[
        str, tuple[str, ...]
    ] = {}  # section of the pack → entries on which the document is silent: house's


class Purpose(Entry, frozen=True, kw_only=True):
    """What the program opens a transaction for, whatever the pack says: purposes.yaml.

    `reach` "own" sees what the person may see; "self" only rows that are the person's; "everyone" is for work that has
    no signed-in person, and says why in `because`. Categories are the program's own kinds.
    """

    says: Sentence
    reach: Reach = "own"
    because: Sentence | None = None
    reads: tuple[Key, ...] = ()
    writes: tuple[Key, ...] = ()
    appends: tuple[Key, ...] = ()  # adds rows that it can't read again
    surfaces: tuple[Surface, ...] = ("web",)

    @property
    def touches(self) -> tuple[str, ...]:
        return (*self.reads, *self.writes, *self.appends)
