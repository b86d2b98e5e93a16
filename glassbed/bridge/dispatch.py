"""Brings each message of the server to the part of the bridge that it concerns. Decides nothing about sockets."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec

from glassbed.bridge.bindings import Binder
from glassbed.bridge.delivery import Delivery
from glassbed.bridge.discovery import discover
from glassbed.bridge.leases import Seen, refusal
from glassbed.bridge.orders import Operator
from glassbed.bridge.records import PrinterList
from glassbed.bridge.station import Outside, Station
from glassbed.bridge.transfer import OpenFile
from glassbed.drivers.interface import Driver
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import (
    AskKey,
    Bind,
    Command,
    Discover,
    Dropped,
    Kept,
    Outcome,
    Printer,
    Printers,
    Result,
    Unbind,
    Unwatch,
    Watch,
    Welcome,
    decode_from_bridge,
    encode,
)
from glassbed.protocol.reading import State

log = logging.getLogger(__name__)

_STATION_PAUSE_S = 30.0
_RESULTS_KEPT = 100


class _Post(msgspec.Struct):
    station: Station
    operator: Operator
    task: asyncio.Task[None]


class Dispatch:
    """All that this bridge does between its link and its printers."""

    def __init__(
        self,
        *,
        outside: Outside,
        delivery: Delivery,
        seen: Seen,
        binder: Binder,
        printer_list: PrinterList,
        open_file: OpenFile,
        drivers: Mapping[str, type[Driver]],
    ) -> None:
        self._outside = outside
        self._delivery = delivery
        self._seen = seen
        self._binder = binder
        self._printer_list = printer_list
        self._open_file = open_file
        self._drivers = drivers
        self._posts: dict[str, _Post] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._delivering: asyncio.Task[None] | None = None
        self._unsent: deque[Result] = deque(maxlen=_RESULTS_KEPT)

    @property
    def printers(self) -> int:
        return len(self._posts)

    async def start(self) -> None:
        """Begin with the printers known from before: events are kept even while the server is away."""
        await self._set_printers(self._printer_list.load())

    async def linked(self, welcome: Welcome) -> None:
        """The link is up: take the printers, drop what is not wanted any more, then deliver."""
        await self._take_printers(welcome.printers)
        while self._unsent and await self._outside.send(self._unsent[0]):
            self._unsent.popleft()
        self._delivering = asyncio.create_task(self._delivery.run())

    async def unlinked(self) -> None:
        """The link is down: nobody watches through it any more."""
        for post in self._posts.values():
            post.station.unwatch()
        if self._delivering:
            self._delivering.cancel()
            await asyncio.gather(self._delivering, return_exceptions=True)
            self._delivering = None

    async def revoked(self) -> None:
        """The server knows this bridge no more: stop looking at printers. Keys and outbox stay where they are."""
        await self._set_printers(())

    async def close(self) -> None:
        await self.unlinked()
        await self._binder.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._set_printers(())

    async def receive(self, message: Any) -> None:
        match message:
            case Welcome() | Printers():
                await self._take_printers(message.printers)
            case Watch() | Unwatch():
                post = self._posts.get(message.printer)
                if post is None:
                    log.warning("asked to watch %s, which is not a printer of this bridge", message.printer)
                elif isinstance(message, Watch):
                    post.station.watch()
                else:
                    post.station.unwatch()
            case Kept() | Dropped():
                if isinstance(message, Dropped):
                    log.info("event %s was dropped by the server", message.id)
                await self._delivery.settle(message.id)
            case Command():
                await self._take_command(message)

    # -- printers ----------------------------------------------------------------------------------

    async def _take_printers(self, printers: tuple[Printer, ...]) -> None:
        ours = {printer.id for printer in printers}
        self._printer_list.save(printers)
        await self._set_printers(printers)
        self._binder.forget_except(ours)
        self._outside.courses.forget_except(ours)
        await self._delivery.withdraw_except(ours)
        for printer in printers:
            if not printer.keep_history or not printer.keep_trace:
                await self._delivery.withdraw(printer.id, only_traces=printer.keep_history)

    async def _set_printers(self, printers: tuple[Printer, ...]) -> None:
        wanted = {printer.id: printer for printer in printers}
        for printer_id in list(self._posts):
            if printer_id not in wanted or not _same_host(wanted[printer_id], self._posts[printer_id]):
                await self._close_post(printer_id)
        for printer in printers:
            if post := self._posts.get(printer.id):
                post.station.printer = printer
            else:
                self._open_post(printer)

    def _open_post(self, printer: Printer) -> None:
        driver = self._binder.driver(printer)
        if printer.id in self._posts:
            return
        if driver is None:
            log.error("printer %s: this bridge has no driver for it", printer.id)
            return
        station = Station(printer, driver, self._outside)
        operator = Operator(station, self._outside.clock, self._open_file)
        task = asyncio.create_task(self._run_station(station), name=f"printer {printer.id}")
        self._posts[printer.id] = _Post(station, operator, task)
        log.info("printer %s: taken on", printer.id)

    async def _close_post(self, printer_id: str) -> None:
        post = self._posts.pop(printer_id, None)
        if post is None:  # two reasons to let it go came together
            return
        await post.operator.close()
        post.task.cancel()
        await asyncio.gather(post.task, return_exceptions=True)
        await post.station.leave()
        log.info("printer %s: let go", printer_id)

    async def _run_station(self, station: Station) -> None:
        while True:
            try:
                await station.run()
            except Exception:  # a fault in one driver must not take the other printers along
                log.exception("printer %s: broke, goes on in %d s", station.printer.id, _STATION_PAUSE_S)
                await asyncio.sleep(_STATION_PAUSE_S)

    # -- commands ----------------------------------------------------------------------------------

    async def _take_command(self, command: Command) -> None:
        reason = self._refusal(command)
        if reason is None:
            self._seen.note(command, self._outside.clock.now())
            self._spawn(self._carry_out(command))
        else:
            log.info("command %s refused", command.id)
            await self._answer(Result(id=command.id, outcome=Outcome.REFUSED, reason=reason))

    def _refusal(self, command: Command) -> str | None:
        post = self._posts.get(command.printer) if command.printer else None
        if post is None and not isinstance(command.order, Bind | AskKey | Discover | Unbind):
            return "This printer is not bound to this bridge."
        return refusal(
            command,
            now=self._outside.clock.now(),
            state=post.station.state if post else State.OFFLINE,
            seen=self._seen.commands,
            prints=self._seen.prints,
        )

    async def _carry_out(self, command: Command) -> None:
        try:
            result = await self._result(command)
        except Exception:  # the person who waits gets an answer, whatever broke
            log.exception("command %s: broke", command.id)
            result = Result(
                id=command.id, outcome=Outcome.FAILED, reason="The bridge failed at this; see its log."
            )
        await self._answer(result)

    async def _result(self, command: Command) -> Result:
        match command.order:
            case Bind() as order:
                result = await self._binder.bind(command.id, order)
                if result.outcome is Outcome.DONE and order.printer.id in self._posts:
                    await self._close_post(order.printer.id)
                    self._open_post(order.printer)
                return result
            case AskKey() as order:
                return await self._binder.ask_key(command.id, order)
            case Discover():
                return await self._discover(command.id)
            case Unbind():
                return await self._unbind(command.id, command.printer)
            case order:
                post = self._posts.get(command.printer or "")
                if post is None:
                    return Result(
                        id=command.id, outcome=Outcome.FAILED, reason="The printer was just removed."
                    )
                return await post.operator.carry_out(command.id, order)

    async def _discover(self, command_id: str) -> Result:
        try:
            found = await discover(self._drivers)
        except OSError:
            reason = "The bridge's network does not allow looking around (no multicast). Enter the address."
            return Result(id=command_id, outcome=Outcome.FAILED, reason=reason)
        return Result(id=command_id, outcome=Outcome.DONE, found=found)

    async def _unbind(self, command_id: str, printer_id: str | None) -> Result:
        if printer_id:
            await self._close_post(printer_id)
            self._binder.forget(printer_id)
            self._outside.courses.forget(printer_id)
            await self._delivery.withdraw(printer_id)
        return Result(id=command_id, outcome=Outcome.DONE)

    async def _answer(self, result: Result) -> None:
        try:
            decode_from_bridge(encode(result))
        except ProtocolViolation:
            log.exception("command %s: its answer does not fit the protocol", result.id)
            result = Result(id=result.id, outcome=Outcome.FAILED, reason="The host's answer makes no sense.")
        if not await self._outside.send(result):
            self._unsent.append(result)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _same_host(printer: Printer, post: _Post) -> bool:
    now = post.station.printer
    return (printer.driver, printer.address) == (now.driver, now.address)
