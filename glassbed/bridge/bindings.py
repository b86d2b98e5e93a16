"""Binding a printer: tries its host, keeps the host's key here, lets a person at the host grant one."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import aclosing

import aiohttp

from glassbed.bridge.records import HostKeys
from glassbed.bridge.station import words
from glassbed.drivers.interface import Driver, HostError, HostUnreachable
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import AskKey, Bind, Outcome, Printer, Result

log = logging.getLogger(__name__)

_FACTS_TIMEOUT_S = 20.0
_ASK_TIMEOUT_S = 20.0
_GRANT_TIMEOUT_S = 600.0
_FRESH_S = 600.0


class Binder:
    """Knows the keys of hosts, and asks for them."""

    def __init__(
        self, drivers: Mapping[str, type[Driver]], keys: HostKeys, session: aiohttp.ClientSession
    ) -> None:
        self._drivers = drivers
        self._keys = keys
        self._session = session
        self._granted: dict[tuple[str, str], str] = {}  # by driver and address, until the next Bind
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._bound_at: dict[str, float] = {}

    def driver(self, printer: Printer) -> Driver | None:
        """Make the driver of a bound printer; nothing if this bridge does not know its kind."""
        kind = self._drivers.get(printer.driver)
        return None if kind is None else kind(printer.address, self._keys.get(printer), self._session)

    async def bind(self, command_id: str, order: Bind) -> Result:
        printer = order.printer
        kind = self._drivers.get(printer.driver)
        if kind is None:
            return _failed(command_id, "This bridge does not know this kind of printer. Update the bridge.")
        place = (printer.driver, printer.address)
        key = order.key or self._granted.get(place) or self._keys.get(printer)
        if kind.needs_key and key is None and place in self._asking:
            return _failed(
                command_id, "Nobody has granted the key yet. Answer the question at the printer's host."
            )
        try:
            async with asyncio.timeout(_FACTS_TIMEOUT_S):
                facts = await kind(printer.address, key, self._session).facts()
        except (HostError, ProtocolViolation, TimeoutError) as error:
            return _failed(command_id, words(error))
        self._granted.pop(place, None)
        self._bound_at[printer.id] = time.monotonic()
        if key is not None:
            self._keys.keep(printer, key)
        return Result(id=command_id, outcome=Outcome.DONE, facts=facts)

    async def ask_key(self, command_id: str, order: AskKey) -> Result:
        """Ask the host, answer with where a person decides, and wait for them in the background."""
        kind = self._drivers.get(order.driver)
        if kind is None:
            return _failed(command_id, "This bridge does not know this kind of printer. Update the bridge.")
        place = (order.driver, order.address)
        if place in self._asking:
            self._asking.pop(place).cancel()
        where: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._wait_for_key(kind(order.address, None, self._session), place, where))
        self._asking[place] = task
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                return Result(id=command_id, outcome=Outcome.ACCEPTED, key=await where)
        except (HostError, ProtocolViolation, TimeoutError) as error:
            task.cancel()
            return _failed(command_id, words(error))

    def forget(self, printer_id: str) -> None:
        self._keys.forget(printer_id)

    def forget_except(self, printer_ids: set[str]) -> None:
        """Forget keys of printers that the server does not name, but for those bound a moment ago."""
        latest = time.monotonic() - _FRESH_S
        self._bound_at = {printer: at for printer, at in self._bound_at.items() if at > latest}
        self._keys.forget_except(printer_ids | self._bound_at.keys())

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_for_key(self, driver: Driver, place: tuple[str, str], where: asyncio.Future[str]) -> None:
        try:
            async with asyncio.timeout(_GRANT_TIMEOUT_S), aclosing(driver.ask_key()) as answers:  # type: ignore[type-var]  # drivers write generators
                async for answer in answers:
                    if where.done():
                        self._granted[place] = answer
                        return
                    where.set_result(answer)
        except (HostError, ProtocolViolation, TimeoutError) as error:
            if where.done():
                log.info("key request at a %s host came to nothing: %s", place[0], type(error).__name__)
            else:
                where.set_exception(error)
        finally:
            if self._asking.get(place) is asyncio.current_task():
                del self._asking[place]
            if not where.done():
                where.set_exception(HostUnreachable("The host was asked again meanwhile."))


def _failed(command_id: str, reason: str) -> Result:
    return Result(id=command_id, outcome=Outcome.FAILED, reason=reason)
