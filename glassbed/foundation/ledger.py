"""The record of decisions: notes are written with the action, then chained by one sealer.

An entry's chain value is SHA-256 over the one before and all of its own fields, so that a changed or
missing entry shows. A note holds ids only; it can be erased, and the chain still verifies.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connections
from django.utils import timezone

from glassbed.foundation.models import LedgerEntry, LedgerNote
from glassbed.foundation.purpose import purpose

SALT_BYTES = 16
BATCH = 1000
GENESIS = bytes(32)


def note(kind: str, *, person: UUID | None, **ids: UUID | str | int) -> None:
    """Record a decision in the action's own transaction. Purpose: one that appends to `ledger`."""
    LedgerNote.objects.create(
        person_id=person,
        at=timezone.now(),
        kind=kind,
        salt=os.urandom(SALT_BYTES),
        payload={key: str(value) for key, value in ids.items()},
    )


def note_digest(salt: bytes, person: UUID | None, payload: dict[str, str]) -> bytes:
    """SHA-256(salt ‖ payload), the person included."""
    text = json.dumps(
        {"person": str(person) if person else None, **payload}, sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256(salt + text.encode()).digest()


def chain(previous: bytes, seq: int, at: datetime, kind: str, digest: bytes) -> bytes:
    said = f"{seq}|{at.isoformat()}|{kind}|".encode()
    return hashlib.sha256(previous + said + digest).digest()


def seal() -> int:
    """Chain whatever is unsealed and return how much that was. One sealer at a time (advisory lock)."""
    with purpose("accountability"):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('glassbed.ledger'))")
            if not cursor.fetchone()[0]:
                return 0
        notes = list(LedgerNote.objects.filter(seq=None).order_by("at", "id")[:BATCH])
        last = LedgerEntry.objects.order_by("-seq").first()
        entries = list(_sealed(notes, last))
        LedgerEntry.objects.bulk_create(entries)
        LedgerNote.objects.bulk_update(notes, ["seq"])
        return len(entries)


def _sealed(notes: Iterable[LedgerNote], last: LedgerEntry | None) -> Iterator[LedgerEntry]:
    seq, previous = (last.seq, bytes(last.chain)) if last else (0, GENESIS)
    for item in notes:
        seq += 1
        digest = note_digest(bytes(item.salt), item.person_id, item.payload)
        previous = chain(previous, seq, item.at, item.kind, digest)
        item.seq = seq
        yield LedgerEntry(seq=seq, at=item.at, kind=item.kind, note_digest=digest, chain=previous)


class Head(NamedTuple):
    """The last link: who has written it down elsewhere can later prove that nothing before it was changed."""

    seq: int
    chain: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.chain}"


class Verdict(NamedTuple):
    """What a verification found."""

    head: Head
    faults: list[str]
    erased: int  # entries whose note is gone


def head() -> Head:
    """Return the last link. Purpose: accountability, or technical."""
    last = LedgerEntry.objects.order_by("-seq").first()
    return Head(last.seq, bytes(last.chain).hex()) if last else Head(0, GENESIS.hex())


def verify(known: Iterable[Head] = ()) -> Verdict:
    """Recompute the whole chain and compare it with the notes and with heads that were written down before.

    Purpose: accountability.
    """
    expected = {h.seq: h.chain for h in known}
    notes = {int(n.seq or 0): n for n in LedgerNote.objects.exclude(seq=None).iterator(BATCH)}
    faults: list[str] = []
    seq, previous, erased = 0, GENESIS, 0
    for entry in LedgerEntry.objects.order_by("seq").iterator(BATCH):
        if entry.seq != seq + 1:
            faults.append(f"entries {seq + 1} to {entry.seq - 1} are missing")
        seq = entry.seq
        previous = chain(previous, seq, entry.at, entry.kind, bytes(entry.note_digest))
        if previous != bytes(entry.chain):
            faults.append(f"entry {seq} does not follow from the one before it, or was changed")
            previous = bytes(entry.chain)
        if seq in expected and expected.pop(seq) != previous.hex():
            faults.append(f"entry {seq} is not the one whose head was written down")
        found = notes.pop(seq, None)
        if found is None:
            erased += 1
        elif _differs(found, entry):
            faults.append(f"the note of entry {seq} was changed")
    faults += [f"the note of entry {left} is here, and the entry is not" for left in sorted(notes)]
    faults += [f"entry {missing}, whose head was written down, is missing" for missing in sorted(expected)]
    return Verdict(Head(seq, previous.hex()), faults, erased)


def _differs(found: LedgerNote, entry: LedgerEntry) -> bool:
    digest = note_digest(bytes(found.salt), found.person_id, found.payload)
    return (found.at, found.kind, digest) != (entry.at, entry.kind, bytes(entry.note_digest))
