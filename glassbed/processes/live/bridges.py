"""A bridge's link: its samples go out while watched, its events to the recorder, commands come in."""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
from nats.aio.msg import Msg

from glassbed.processes.live.bus import Bus
from glassbed.processes.live.socket import Close, Socket
from glassbed.processes.live.timing import Timing
from glassbed.protocol import messages, subjects
from glassbed.protocol.errors import ProtocolViolation, Unavailable
from glassbed.protocol.ids import uuid7
from glassbed.protocol.reading import Reading
from glassbed.protocol.tickets import BridgeTicket

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription

EVENTS_IN_FLIGHT_MAX = 64
"""More than these wait at the recorder: the rest is not taken, and the bridge sends it again."""

COMMANDS_IN_FLIGHT_MAX = 64

_Delta = msgspec.defstruct(
    "_Delta",
    [(name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in get_type_hints(Reading).items()],
    forbid_unknown_fields=True,
)
"""What a delta may hold: fields of a reading, each of its type."""

_watching = msgspec.json.Decoder(subjects.Watching)
_printers = msgspec.json.Decoder(tuple[messages.Printer, ...])
_command = msgspec.json.Decoder(messages.Command)
_verdict = msgspec.json.Decoder(messages.Kept | messages.Dropped)
_online = msgspec.json.encode(subjects.Online(online=True))


class BridgeLink:
    """One connected bridge. `serve` runs until the link ends."""

    def __init__(self, ticket: BridgeTicket, socket: Socket, bus: Bus, timing: Timing) -> None:
        self.bridge = ticket.bridge
        self._socket = socket
        self._bus = bus
        self._timing = timing
        self._connection = str(uuid7()).encode()
        self._printers = {printer.id: printer for printer in ticket.printers}
        self._former: set[str] = set()  # removed a moment ago: their last samples are no violation
        self._being_bound: set[str] = set()  # named by a Bind command, not yet in the list
        self._watchers: dict[str, dict[str, float]] = {}  # printer → live → expiry
        self._waiting: dict[str, asyncio.Future[messages.Result]] = {}
        self._events: set[asyncio.Task[None]] = set()
        self._commands: set[asyncio.Task[None]] = set()
        self._own_subscriptions: list[Subscription] = []
        self._subscriptions: dict[str, list[Subscription]] = {}  # printer → its two
        self._changing = asyncio.Lock()  # of the list of printers and what is heard for it
        self._is_replaced = False

    async def serve(self) -> None:
        """Raises `Unavailable` when the bus is away."""
        try:
            listed = tuple(self._printers.values())
            await self._listen()
            self._socket.post_first(messages.Welcome(server_time=time.time(), printers=listed))
            await self._socket.run(self._on_frame)
        finally:
            await self._leave()

    def end(self, code: Close) -> None:
        self._socket.end(code)

    def sweep(self, now: float) -> None:
        """Close a silent link; forget watchers that did not renew."""
        self._socket.end_if_silent(now)
        for printer, watchers in list(self._watchers.items()):
            for live, expires_at in list(watchers.items()):
                if expires_at < now:
                    self._unwatch(printer, live)

    async def rebind(self, payload: bytes) -> None:
        """Take the bridge's new list of printers."""
        printers = {printer.id: printer for printer in _printers.decode(payload)}
        async with self._changing:
            await self._rebind(printers)

    async def _rebind(self, printers: dict[str, messages.Printer]) -> None:
        gone, new = self._printers.keys() - printers.keys(), printers.keys() - self._printers.keys()
        self._printers = printers
        self._former = (self._former | gone) - printers.keys()
        self._being_bound -= printers.keys()
        self._socket.post(messages.Printers(printers=tuple(printers.values())))
        for printer in gone:
            self._watchers.pop(printer, None)
            await self._bus.forget(self._subscriptions.pop(printer, []))
        await self._tell(gone, online=False)
        await self._listen_for(new)
        await self._tell(new, online=True)

    # -- the bus ------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        for subject, handler in (
            (subjects.command(self.bridge), self._on_command),
            (subjects.bridge(self.bridge), self._on_other_connection),
        ):
            self._own_subscriptions.append(await self._bus.listen(subject, handler))
        async with self._changing:
            await self._listen_for(self._printers)
        await self._bus.publish(subjects.bridge(self.bridge), self._connection)
        await self._bus.settle()  # once welcomed, the bridge can be reached
        await self._tell(self._printers, online=True)

    async def _listen_for(self, printers: Iterable[str]) -> None:
        for printer in list(printers):
            self._subscriptions[printer] = [
                await self._bus.listen(subjects.watch(printer), self._on_watch),
                await self._bus.listen(subjects.unwatch(printer), self._on_unwatch),
            ]

    async def _tell(self, printers: Iterable[str], *, online: bool) -> None:
        for printer in list(printers):
            frame = messages.encode(messages.Link(printer=printer, online=online))
            await self._bus.publish(subjects.link(printer), frame)

    async def _leave(self) -> None:
        subscriptions = self._own_subscriptions + [
            each for two in self._subscriptions.values() for each in two
        ]
        await self._bus.forget(subscriptions)
        for answer in self._waiting.values():
            answer.cancel()
        if not self._is_replaced:
            await self._tell(self._printers, online=False)

    async def _on_watch(self, message: Msg) -> None:
        watching = _watching.decode(message.data)
        printer = subjects.named(message.subject)
        is_first = printer not in self._watchers
        expires_at = asyncio.get_running_loop().time() + self._timing.watch_expires_s
        self._watchers.setdefault(printer, {})[watching.by] = expires_at
        if is_first or watching.full:
            self._socket.post(messages.Watch(printer=printer))
        await self._bus.publish(message.reply, _online)

    async def _on_unwatch(self, message: Msg) -> None:
        self._unwatch(subjects.named(message.subject), _watching.decode(message.data).by)

    def _unwatch(self, printer: str, live: str) -> None:
        watchers = self._watchers.get(printer, {})
        watchers.pop(live, None)
        if not watchers and self._watchers.pop(printer, None) is not None:
            self._socket.post(messages.Unwatch(printer=printer))

    async def _on_other_connection(self, message: Msg) -> None:
        if message.data != self._connection:
            self._is_replaced = True
            self._socket.end(Close.REPLACED)

    # -- commands -----------------------------------------------------------------------------------

    async def _on_command(self, message: Msg) -> None:
        command = _command.decode(message.data)
        if command.id in self._waiting or len(self._commands) >= COMMANDS_IN_FLIGHT_MAX:
            await self._refuse(message, command, "The bridge is still busy with earlier commands. Try again.")
            return
        task = asyncio.create_task(self._carry(command, message))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _carry(self, command: messages.Command, message: Msg) -> None:
        """Hand the command to the bridge and its answer to the one who asked."""
        if isinstance(command.order, messages.Bind):
            self._being_bound.add(command.order.printer.id)
        answer = self._waiting[command.id] = asyncio.get_running_loop().create_future()
        self._socket.post(command)
        try:
            wait_s = max(0.0, command.expires_at - time.time()) + self._timing.command_grace_s
            done, _ = await asyncio.wait({answer}, timeout=wait_s)
        finally:
            del self._waiting[command.id]
        if not done:
            await self._refuse(
                message, command, "The bridge did not answer in time. Look before you try again."
            )
        elif answer.cancelled():
            await self._refuse(message, command, "The bridge's link was cut. Look before you try again.")
        else:
            result = answer.result()
            if isinstance(command.order, messages.Bind) and result.outcome is not messages.Outcome.DONE:
                self._being_bound.discard(command.order.printer.id)
            await self._bus.publish(message.reply, messages.encode(result))

    async def _refuse(self, message: Msg, command: messages.Command, reason: str) -> None:
        result = messages.Result(id=command.id, outcome=messages.Outcome.FAILED, reason=reason)
        await self._bus.publish(message.reply, messages.encode(result))

    # -- frames of the bridge -----------------------------------------------------------------------

    async def _on_frame(self, frame: str) -> None:
        message = messages.decode_from_bridge(frame)
        match message:
            case messages.Sample():
                await self._on_sample(message, frame)
            case messages.Event():
                self._on_event(message)
            case messages.Result():
                answer = self._waiting.get(message.id)  # none: too late, it was given up
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case messages.Ping():
                self._socket.post(messages.Pong())
            case _:
                raise ProtocolViolation("a bridge says hello once")

    async def _on_sample(self, sample: messages.Sample, frame: str) -> None:
        if sample.printer not in self._printers:
            if sample.printer in self._former or sample.printer in self._being_bound:
                return
            raise ProtocolViolation("a sample of a printer that is not this bridge's")
        _check(sample.delta)
        if sample.printer in self._watchers:
            await self._bus.publish(subjects.sample(sample.printer), frame.encode())

    def _on_event(self, event: messages.Event) -> None:
        if event.printer not in self._printers:
            if event.printer not in self._being_bound:  # else: it will be sent again, and may be ours by then
                self._socket.post(
                    messages.Dropped(id=event.id, reason="This printer is not bound to this bridge.")
                )
        elif len(self._events) < EVENTS_IN_FLIGHT_MAX:
            task = asyncio.create_task(self._record(event))
            self._events.add(task)
            task.add_done_callback(self._events.discard)

    async def _record(self, event: messages.Event) -> None:
        """Ask the recorder. Without its word nothing is answered, and the bridge sends the event again."""
        payload = msgspec.json.encode(subjects.ToRecord(bridge=self.bridge, event=event))
        with contextlib.suppress(Unavailable):
            answer = await self._bus.ask(subjects.RECORD_EVENT, payload, self._timing.record_s)
            if answer is not None:
                self._socket.post(_verdict.decode(answer))


def _check(delta: dict[str, Any]) -> None:
    try:
        msgspec.convert(delta, _Delta)
    except msgspec.ValidationError as error:
        raise ProtocolViolation(f"not a reading: {error}") from error
