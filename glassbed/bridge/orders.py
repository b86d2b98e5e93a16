"""Carries out single orders on one printer. Whether they still hold was decided before (leases)."""

import asyncio
import logging
from contextlib import aclosing, suppress

from glassbed.bridge.station import Station, words
from glassbed.bridge.transfer import OpenFile, Transfer
from glassbed.drivers.interface import HostError, Upload
from glassbed.protocol.clock import ServerClock
from glassbed.protocol.errors import GlassbedError, ProtocolViolation
from glassbed.protocol.messages import (
    Cancel,
    EmergencyStop,
    Order,
    Outcome,
    Pause,
    Print,
    Restart,
    Result,
    Resume,
)

log = logging.getLogger(__name__)

_ANSWER_TIMEOUT_S = 30.0
_REFUSALS = (HostError, ProtocolViolation, TimeoutError)


class Operator:
    """Carries out orders on the printer of one station."""

    def __init__(self, station: Station, clock: ServerClock, open_file: OpenFile) -> None:
        self._station = station
        self._clock = clock
        self._open_file = open_file
        self._sending: asyncio.Task[None] | None = None
        self._is_closing = False

    async def carry_out(self, command_id: str, order: Order) -> Result:
        if isinstance(order, Print):
            return await self._begin(command_id, order)
        if isinstance(order, Cancel) and self._sending and self._station.follower.is_sending:
            self._sending.cancel()
            return Result(id=command_id, outcome=Outcome.DONE)
        if isinstance(order, EmergencyStop) and self._sending:
            self._sending.cancel()
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                await self._tell_host(order)
        except _REFUSALS as error:
            return Result(id=command_id, outcome=Outcome.FAILED, reason=words(error))
        return Result(id=command_id, outcome=Outcome.DONE)

    async def close(self) -> None:
        """Break off a hand-over: the bridge ends or the printer goes."""
        self._is_closing = True
        if self._sending:
            self._sending.cancel()
            await asyncio.wait([self._sending])

    async def _tell_host(self, order: Order) -> None:
        driver = self._station.driver
        match order:
            case Pause():
                await driver.pause()
            case Resume():
                await driver.resume()
            case Cancel():
                await driver.cancel()
                self._station.follower.cancel_ordered()
                await self._station.save_job()
            case EmergencyStop():
                await driver.emergency_stop()
            case Restart():
                await driver.restart()
            case _:
                raise ProtocolViolation("this order is not for a printer")

    async def _begin(self, command_id: str, order: Print) -> Result:
        station = self._station
        if station.follower.job is not None:
            return Result(id=command_id, outcome=Outcome.REFUSED, reason="Another print is under way.")
        station.follower.order(order)
        station.note, station.transfer_ratio = None, 0.0
        await station.save_job()
        station.changed()
        self._sending = asyncio.create_task(self._send(order), name=f"print {order.print_id}")
        self._sending.add_done_callback(self._sent)
        return Result(id=command_id, outcome=Outcome.ACCEPTED)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending = None
        if not task.cancelled() and (error := task.exception()):
            log.error("printer %s: hand-over broke", self._station.printer.id, exc_info=error)

    async def _send(self, order: Print) -> None:
        station = self._station
        try:
            problem = await self._hand_over(order)
        except asyncio.CancelledError:
            if not self._is_closing:  # else the next start finds out how far it got
                await self._take_back()
            raise
        if problem is None:
            await station.tell(station.follower.accepted(self._clock.now()))
        else:
            station.note = problem
            await station.tell(station.follower.failed(self._clock.now(), problem))

    async def _take_back(self) -> None:
        """End a print whose file was still on its way; the host may have got all of it just now."""
        station = self._station
        if station.transfer_ratio == 1:
            with suppress(*_REFUSALS):
                async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                    await station.driver.cancel()
        happenings = station.follower.failed(self._clock.now(), "Taken back before it began.", cancelled=True)
        await station.tell(happenings)

    async def _hand_over(self, order: Print) -> str | None:
        """Stream the file into the host; return why it did not work."""
        station = self._station
        transfer = Transfer(order, self._open_file, self._show_progress)
        try:
            async with aclosing(transfer.chunks()) as chunks:
                await station.driver.print(
                    Upload(name=order.file_name, size_bytes=order.size_bytes, chunks=chunks)
                )
                if transfer.problem:  # the host took what there was of a broken file as a whole one
                    await station.driver.cancel()
        except (*_REFUSALS, GlassbedError) as error:
            return transfer.problem or words(error)
        return transfer.problem

    def _show_progress(self, ratio: float) -> None:
        self._station.transfer_ratio = ratio
        self._station.changed()
