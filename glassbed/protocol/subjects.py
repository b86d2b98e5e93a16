"""Every subject on the bus, and what travels on it. Nothing else is published or subscribed.

The bus holds nothing at rest: a message that nobody hears at that moment is gone.
"""

import re
from typing import Annotated, Literal

import msgspec

from glassbed.protocol.messages import Event, Id

Word = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
"""One token of a subject: no dot, no wildcard, no space, so that a name can't reach another subject."""

_WORD = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A family of subjects. `categories` are the pack's words for the personal data in the payload."""

    pattern: str
    categories: tuple[str, ...]
    direction: str
    way: Literal["publish", "request"]
    payload: str
    doc: str


class Watching(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Payload of `watch` and `unwatch`: a live process whose viewers look at the printer."""

    by: Word
    full: bool = False  # send a full sample now, somebody joined or fell behind


class Online(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reply to `watch`."""

    online: bool


class ToRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Payload of `record.event`: the event, and the bridge that proved to have sent it."""

    bridge: Id
    event: Event


SUBJECTS: dict[str, Subject] = {
    "sample": Subject(
        pattern="sample.<printer>",
        categories=("device", "print"),
        direction="live that holds the bridge → live that holds viewers",
        way="publish",
        payload="messages.Sample",
        doc="A reading, only while watched; the bytes that the bridge sent.",
    ),
    "watch": Subject(
        pattern="watch.<printer>",
        categories=("device",),
        direction="live that holds viewers → live that holds the bridge",
        way="request",
        payload="Watching → Online",
        doc="Somebody watches. Renewed every 20 s, forgotten after 45 s; no responder: the bridge is offline.",
    ),
    "unwatch": Subject(
        pattern="unwatch.<printer>",
        categories=("device",),
        direction="live that holds viewers → live that holds the bridge",
        way="publish",
        payload="Watching",
        doc="The last viewer there has gone.",
    ),
    "link": Subject(
        pattern="link.<printer>",
        categories=("device",),
        direction="live that holds the bridge → live that holds viewers",
        way="publish",
        payload="messages.Link",
        doc="The printer's bridge came or went.",
    ),
    "changed": Subject(
        pattern="changed.<printer>",
        categories=("device",),
        direction="web, worker, recorder → live that holds viewers",
        way="publish",
        payload="messages.Changed",
        doc="Something stored about the printer changed: pages fetch it again.",
    ),
    "access": Subject(
        pattern="access.<printer>",
        categories=("device",),
        direction="web, worker → every live",
        way="publish",
        payload="empty",
        doc="Who may see the printer changed, and the change is committed: its viewers are dropped and ask again.",
    ),
    "person": Subject(
        pattern="person.<person>",
        categories=("account",),
        direction="web, worker → every live",
        way="publish",
        payload="empty",
        doc="Something about the person's rights changed: their viewers are dropped and ask again.",
    ),
    "session": Subject(
        pattern="session.<session>",
        categories=("account",),
        direction="web, worker → every live",
        way="publish",
        payload="empty",
        doc="The session ended: its viewers are dropped. Named as in the ticket, never by its key.",
    ),
    "command": Subject(
        pattern="command.<bridge>",
        categories=("device", "print"),
        direction="web, worker → live that holds the bridge",
        way="request",
        payload="messages.Command → messages.Result",
        doc="A lease. No responder: the bridge is offline. Never queued, never repeated.",
    ),
    "printers": Subject(
        pattern="printers.<bridge>",
        categories=("device",),
        direction="web, worker → every live",
        way="publish",
        payload="JSON list of messages.Printer, all of the bridge's",
        doc="The bridge's printers changed, and the change is committed.",
    ),
    "revoke": Subject(
        pattern="revoke.<bridge>",
        categories=("device",),
        direction="web, worker → every live",
        way="publish",
        payload="empty",
        doc="The bridge lost its rights: its link is closed (4403).",
    ),
    "bridge": Subject(
        pattern="bridge.<bridge>",
        categories=("device",),
        direction="live → live",
        way="publish",
        payload="id of the connection",
        doc="The bridge has a newer connection: every older one is closed (4409).",
    ),
    "record.event": Subject(
        pattern="record.event",
        categories=("device", "print"),
        direction="live → recorder (queue group `recorder`)",
        way="request",
        payload="ToRecord → messages.Kept or messages.Dropped",
        doc="An event to keep, answered after COMMIT. No answer: the bridge sends it again.",
    ),
}

RECORD_EVENT = "record.event"
RECORDERS = "recorder"
"""The queue group of recorders: each event reaches one of them."""

EVERY_ACCESS, EVERY_PERSON, EVERY_SESSION = "access.*", "person.*", "session.*"
EVERY_REVOKE, EVERY_PRINTERS = "revoke.*", "printers.*"


def sample(printer: str) -> str:
    return _subject("sample", printer)


def watch(printer: str) -> str:
    return _subject("watch", printer)


def unwatch(printer: str) -> str:
    return _subject("unwatch", printer)


def link(printer: str) -> str:
    return _subject("link", printer)


def changed(printer: str) -> str:
    return _subject("changed", printer)


def access(printer: str) -> str:
    return _subject("access", printer)


def person(person_id: str) -> str:
    return _subject("person", person_id)


def session(name: str) -> str:
    return _subject("session", name)


def command(bridge_id: str) -> str:
    return _subject("command", bridge_id)


def printers(bridge_id: str) -> str:
    return _subject("printers", bridge_id)


def revoke(bridge_id: str) -> str:
    return _subject("revoke", bridge_id)


def bridge(bridge_id: str) -> str:
    return _subject("bridge", bridge_id)


def named(subject: str) -> str:
    """Return the last token: the printer, person, session or bridge that a subject is about."""
    return subject.rpartition(".")[2]


def _subject(family: str, word: str) -> str:
    if _WORD.fullmatch(word) is None:
        raise ValueError(f"not one token of a subject: {word!r}")
    return f"{family}.{word}"
