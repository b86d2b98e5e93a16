"""The course of one connection to Moonraker's websocket, without the socket.

Frames in; frames to send and readings out: identify, ask for Klipper's state, subscribe once it is
there, and again whenever it left and came back.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from glassbed.drivers.interface import HostFault, HostRefused
from glassbed.drivers.moonraker import readings, wire
from glassbed.protocol.reading import Reading, State

_REPORTING = frozenset({"ready", "shutdown", "error"})
"""States of Klipper in which it answers for its objects."""

Answer = Callable[[wire.Frame], Iterator[str]]


class Conversation:
    """Feed it every frame; it says what to send and, when `changed`, what the printer reads."""

    def __init__(self, key: str | None) -> None:
        self._key = key
        self._numbers = count(1)
        self._awaited: dict[int, Answer] = {}
        self._klipper: str | None = None  # as Moonraker says it
        self._subscribing = False
        self._wanted: dict[str, list[str]] = {}
        self._objects: dict[str, dict[str, Any]] | None = None  # None: not subscribed
        self._seen = wire.Status()
        self._estimated_s: float | None = None
        self._running: Reading | None = None  # the newest of the job under way
        self._farewell: list[Reading] = []
        self._changed = False

    # -- what to send

    def opening(self) -> list[str]:
        return [self._identify(), self._ask("server.info", {}, self._server_answered)]

    def poll(self) -> list[str]:
        """Ask for Klipper's state while it is away: its way back is not announced in every case."""
        if self._objects is not None or self._awaited:
            return []
        return [self._ask("server.info", {}, self._server_answered)]

    def nudge(self) -> str:
        """Make Moonraker answer at once, so that an order under way is seen."""
        return self._ask("server.info", {}, self._nudged)

    def receive(self, frame: bytes | str) -> list[str]:
        """Take a frame in and return what to send.

        Raises `ProtocolViolation`, `HostRefused` when the key is not accepted, `HostFault`.
        """
        told = wire.decode(frame)
        if told.method is not None:
            return list(self._notified(told.method, told.params))
        answer = self._awaited.pop(told.id, None) if told.id is not None else None
        return list(answer(told)) if answer else []

    # -- what the printer reads

    @property
    def changed(self) -> bool:
        return self._changed and self._klipper is not None and not self._subscribing

    def readings(self, under_way: State | None = None) -> list[Reading]:
        """Return the present reading, and before it the last ones of a print that has just ended."""
        farewell, self._farewell, self._changed = self._farewell, [], False
        return [*farewell, self._reading(under_way)]

    def _reading(self, under_way: State | None) -> Reading:
        webhooks = self._seen.webhooks
        if webhooks.state not in (None, "ready"):
            return readings.not_ready(webhooks.state or "", webhooks.state_message, self._seen)
        if self._klipper == "ready" and self._objects is not None:
            return readings.ready(self._seen, under_way, self._estimated_s)
        state = "startup" if self._klipper in (None, "ready") else self._klipper
        return readings.not_ready(state or "", "", self._seen)

    # -- answers

    def _identify(self) -> str:
        who = {"client_name": "Glassbed", "version": "1", "type": "other", "url": ""}
        if self._key:
            who["api_key"] = self._key
        return self._ask("server.connection.identify", who, self._identified)

    def _ask(self, method: str, parameters: dict[str, Any], answer: Answer) -> str:
        number = next(self._numbers)
        self._awaited[number] = answer
        return wire.request(number, method, parameters)

    def _identified(self, told: wire.Frame) -> Iterator[str]:
        if told.error:
            raise HostRefused("Moonraker does not accept the key. Enter a new one on the printer's page.")
        yield from ()

    def _nudged(self, _: wire.Frame) -> Iterator[str]:
        self._changed = True
        yield from ()

    def _server_answered(self, told: wire.Frame) -> Iterator[str]:
        if told.error:
            raise HostFault(wire.one_line(told.error.message) or "Moonraker does not say how it is.")
        yield from self._klipper_is(wire.convert(told.result, wire.ServerInfo).klippy_state)

    def _klipper_is(self, state: str) -> Iterator[str]:
        self._klipper = state
        self._changed = True
        if state in _REPORTING and self._objects is None and not self._subscribing:
            self._subscribing = True
            yield self._ask("printer.objects.list", {}, self._listed)

    def _listed(self, told: wire.Frame) -> Iterator[str]:
        if told.error:  # Klipper left again
            self._subscribing = False
            return
        names = wire.convert(told.result, wire.ObjectList).objects
        self._wanted = wire.subscription(names)
        yield self._ask("printer.objects.subscribe", {"objects": self._wanted}, self._subscribed)

    def _subscribed(self, told: wire.Frame) -> Iterator[str]:
        self._subscribing = False
        if told.error:
            return
        self._objects = {name: {} for name in self._wanted}
        yield from self._merge(wire.convert(told.result, wire.Subscribed).status, first=True)

    def _metadata_came(self, told: wire.Frame) -> Iterator[str]:
        if not told.error:
            self._estimated_s = wire.convert(told.result, wire.Metadata).estimated_time
        yield from ()

    # -- notifications

    def _notified(self, method: str, params: Any) -> Iterator[str]:
        match method:
            case "notify_status_update" if self._objects is not None:
                yield from self._merge(wire.update(params))
            case "notify_klippy_ready":
                self._leave()
                yield from self._klipper_is("ready")
            case "notify_klippy_shutdown":
                yield from self._klipper_is("shutdown")
            case "notify_klippy_disconnected":
                self._leave()
                yield from self._klipper_is("disconnected")

    def _leave(self) -> None:
        """Klipper's process ended: nothing that it said holds any more."""
        if self._running:
            self._farewell.append(readings.abandoned())
        self._objects = self._running = None
        self._subscribing = False
        self._awaited.clear()
        self._seen = wire.Status()

    def _merge(self, update: dict[str, dict[str, Any]], *, first: bool = False) -> Iterator[str]:
        assert self._objects is not None
        for name, fields in update.items():
            if name in self._objects:
                self._objects[name].update(fields)
        before, self._seen = self._seen.print_stats, wire.status(self._objects)
        self._changed = True
        if self._seen.print_stats.state in readings.RUNNING:
            yield from self._keep_running(before)
        elif not first:
            self._end(before, update.get("print_stats", {}))
        if self._seen.webhooks.state not in (None, "ready"):
            self._running = None

    def _keep_running(self, before: wire.PrintStats) -> Iterator[str]:
        stats = self._seen.print_stats
        if before.state not in readings.RUNNING or before.filename != stats.filename:
            self._estimated_s = None
            yield self._ask("server.files.metadata", {"filename": stats.filename}, self._metadata_came)
        self._running = readings.ready(self._seen, None, self._estimated_s)

    def _end(self, before: wire.PrintStats, changes: dict[str, Any]) -> None:
        """Note the end of a print, be it one that was over between two updates."""
        has_ended = self._seen.print_stats.state in readings.ENDED
        if before.state in readings.RUNNING or (has_ended and changes.keys() & {"state", "total_duration"}):
            self._farewell += readings.end_of_print(self._seen, self._running)
            self._running = None
