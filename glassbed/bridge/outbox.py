"""Events that the server has not confirmed yet: bounded, on disk, encrypted, in order.

One file an event; its name holds identifiers only: `<sequence>-<e|t>-<printer>-<event>`. The name is
bound into the encryption. When full, the oldest traces go first, then the oldest events, and are counted.
"""

import logging
import re
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import msgspec

from glassbed.bridge.home import sync_folder, write_whole
from glassbed.bridge.identity import Seal
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import Decoder, Event, TraceChunk, encode

log = logging.getLogger(__name__)

LIMIT_EVENTS = 20_000
LIMIT_BYTES = 32 * 1024 * 1024
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = re.compile(rf"^(\d{{12}})-([et])-({_UUID})-({_UUID})$")
_decode = Decoder(Event)


class Count(msgspec.Struct, frozen=True):
    """How many of each kind."""

    traces: int = 0
    events: int = 0


class _Entry(msgspec.Struct, frozen=True):
    name: str
    event_id: str
    printer: str
    is_trace: bool
    size_bytes: int


class Outbox:
    """The folder of unconfirmed events."""

    def __init__(
        self, folder: Path, seal: Seal, *, limit_events: int = LIMIT_EVENTS, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self._folder = folder
        self._seal = seal
        self._limit_events = limit_events
        self._limit_bytes = limit_bytes
        self._entries: dict[str, _Entry] = {}  # by event id, oldest first
        self._size_bytes = 0
        self._next = 1
        self.lost = self.lost_of(folder)
        self._load()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def oldest(self, count: int) -> list[str]:
        """Return the ids of the oldest events, oldest first."""
        return list(islice(self._entries, count))

    def put(self, event: Event) -> bool:
        """Keep an event; when this returns it survives a power cut. False if it was not taken."""
        if event.id in self._entries or not _is_fit(event):
            return False
        is_trace = isinstance(event.what, TraceChunk)
        name = f"{self._next:012d}-{'t' if is_trace else 'e'}-{event.printer}-{event.id}"
        sealed = self._seal.close(encode(event), name)
        self._make_room(len(sealed))
        write_whole(self._folder / name, sealed)
        self._next += 1
        self._remember(_Entry(name, event.id, event.printer, is_trace, len(sealed)))
        return True

    def get(self, event_id: str) -> Event | None:
        """Read an event back; one that is damaged is thrown away and counted."""
        entry = self._entries.get(event_id)
        if entry is None:
            return None
        try:
            content = self._seal.open((self._folder / entry.name).read_bytes(), entry.name)
            event: Event | None = _decode(content) if content is not None else None
        except (OSError, ProtocolViolation):
            event = None
        if event is None:
            log.error("outbox: event %s can't be read and is lost", event_id)
            self._lose(entry)
        return event

    def settle(self, event_id: str) -> None:
        """Forget an event that the server has kept, or will never accept."""
        if event_id in self._entries:
            self._remove(self._entries[event_id])

    def withdraw(self, printer: str, *, only_traces: bool = False) -> int:
        """Forget what waits of a printer: its history or traces are not kept any more. Return how many."""
        return self._withdraw(lambda entry: entry.printer == printer and (entry.is_trace or not only_traces))

    def withdraw_except(self, printers: Iterable[str]) -> int:
        """Forget what waits of printers that are not this bridge's any more."""
        ours = set(printers)
        return self._withdraw(lambda entry: entry.printer not in ours)

    def _withdraw(self, unwanted: Callable[[_Entry], bool]) -> int:
        gone = [entry for entry in self._entries.values() if unwanted(entry)]
        for entry in gone:
            self._remove(entry)
        if gone:
            sync_folder(self._folder)
        return len(gone)

    def _make_room(self, size_bytes: int) -> None:
        while self._entries and (
            len(self._entries) >= self._limit_events or self._size_bytes + size_bytes > self._limit_bytes
        ):
            oldest = next(iter(self._entries.values()))
            self._lose(next((entry for entry in self._entries.values() if entry.is_trace), oldest))

    def _lose(self, entry: _Entry) -> None:
        self._remove(entry)
        traces, events = self.lost.traces + entry.is_trace, self.lost.events + (not entry.is_trace)
        self.lost = Count(traces=traces, events=events)
        write_whole(self._folder / "lost.json", msgspec.json.encode(self.lost))
        log.warning("outbox: had to drop %s; so far %d traces, %d events", entry.event_id, traces, events)

    def _remove(self, entry: _Entry) -> None:
        (self._folder / entry.name).unlink(missing_ok=True)
        del self._entries[entry.event_id]
        self._size_bytes -= entry.size_bytes

    def _remember(self, entry: _Entry) -> None:
        self._entries[entry.event_id] = entry
        self._size_bytes += entry.size_bytes

    @staticmethod
    def lost_of(folder: Path) -> Count:
        """What was lost in this folder so far."""
        try:
            return msgspec.json.decode((folder / "lost.json").read_bytes(), type=Count)
        except (FileNotFoundError, msgspec.DecodeError):
            return Count()

    @staticmethod
    def counted(folder: Path) -> Count:
        """What waits in this folder, counted by its names alone."""
        kinds = [match[2] for path in folder.iterdir() if (match := _NAME.match(path.name))]
        return Count(traces=kinds.count("t"), events=kinds.count("e"))

    def _load(self) -> None:
        for path in sorted(self._folder.iterdir()):
            if path.suffix == ".new":  # cut off while it was written, so never acknowledged to anybody
                path.unlink()
            elif match := _NAME.match(path.name):
                sequence, kind, printer, event_id = match.groups()
                self._next = int(sequence) + 1
                self._remember(_Entry(path.name, event_id, printer, kind == "t", path.stat().st_size))


def _is_fit(event: Event) -> bool:
    """Whether the server can read it: one that it can't would end every connection on which it is sent."""
    try:
        _decode(encode(event))
    except ProtocolViolation:
        log.exception("outbox: event %s does not fit the protocol and is lost", event.id)
        return False
    return True
