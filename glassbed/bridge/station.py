"""One printer at the bridge: keeps in touch with its host, keeps the last reading, tells what happens.

Samples go out only while somebody watches, events only while history is kept.
"""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import aiohttp
import msgspec

from glassbed.bridge.prints import PrintFollower
from glassbed.bridge.records import Course, Courses
from glassbed.bridge.tracing import TraceCollector
from glassbed.drivers.interface import Driver, HostError, HostRefused
from glassbed.protocol.clock import ServerClock
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.ids import uuid7
from glassbed.protocol.messages import (
    Connected,
    Disconnected,
    Event,
    Fault,
    Happening,
    HostFacts,
    Message,
    PrintEnded,
    Printer,
    PrintStarted,
    Sample,
    TraceChunk,
)
from glassbed.protocol.reading import BUSY, Reading, State, difference, rounded

log = logging.getLogger(__name__)

_FACTS_TIMEOUT_S = 20.0
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
_REFUSED_WAIT_S = 60.0
_SAMPLE_GAP_S = 0.25
_TEXT_LIMIT = 2000


class Outside(msgspec.Struct, frozen=True):
    """What a station needs of the rest of the bridge."""

    clock: ServerClock
    session: aiohttp.ClientSession  # for printer hosts
    courses: Courses
    send: Callable[[Message], Awaitable[bool]]  # false while the link is down
    keep: Callable[[Event], Awaitable[None]]  # into the outbox


class Station:
    """Owns the driver of one printer."""

    def __init__(self, printer: Printer, driver: Driver, outside: Outside) -> None:
        self.printer = printer
        self.driver = driver
        self.note: str | None = None  # why the last order from here came to nothing
        self.transfer_ratio: float | None = None
        self._outside = outside
        self._course: Course = outside.courses.load(printer.id)
        self.follower = PrintFollower(self._course.job)
        self._trace: TraceCollector | None = self._restored_trace()
        self._reading = Reading(state=State.OFFLINE)  # what leases see until the host was asked
        self._is_known = False
        self._watched = False
        self._sent: Reading | None = None
        self._changed = asyncio.Event()
        self._fault: str | None = None
        self._was_lost = False
        self._saving = asyncio.Lock()

    @property
    def state(self) -> State:
        return self.reading.state

    @property
    def reading(self) -> Reading:
        """The last reading, with what only the bridge knows."""
        job = self.follower.job
        if job is None:
            if self.note and self._reading.message is None and self._reading.state is State.READY:
                return msgspec.structs.replace(self._reading, message=self.note)
            return self._reading
        if job.phase != "seen" and self._reading.state is State.READY:
            return msgspec.structs.replace(
                self._reading,
                state=State.SENDING,
                file_name=job.file_name,
                print_id=job.print_id,
                progress_ratio=None,
                transfer_ratio=self.transfer_ratio,
            )
        return msgspec.structs.replace(self._reading, print_id=job.print_id)

    async def run(self) -> None:
        """Stay in touch with the host until cancelled."""
        await self._settle_debts()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stay_connected())
            group.create_task(self._publish())
            group.create_task(self._collect_trace())

    async def leave(self) -> None:
        """Keep what a clean end would lose. Call after `run` was cancelled."""
        await self._disconnected()
        if self._trace and self._trace.minute is not None:
            self._course.minute, self._course.minute_samples = self._trace.minute, self._trace.packed()
        await self._save()

    def watch(self) -> None:
        self._watched, self._sent = True, None
        self._changed.set()

    def unwatch(self) -> None:
        self._watched, self._sent = False, None

    def changed(self) -> None:
        """Something that viewers see is different."""
        self._changed.set()

    async def tell(self, happenings: list[Happening]) -> None:
        """Record what happened to the print, so that a kill at any moment neither loses nor doubles it."""
        if not happenings:
            return
        if any(isinstance(happening, PrintEnded) for happening in happenings):
            await self._finish_trace()
        if self.printer.keep_history:
            self._course.owed += tuple(happenings)
        await self._save()
        await self._settle_debts()
        self.changed()

    async def save_job(self) -> None:
        """Remember the print before the host hears of it."""
        await self._save()

    # -- the host ----------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        wait_s = _SHORTEST_WAIT_S
        while True:
            began_s = time.monotonic()
            try:
                async with asyncio.timeout(_FACTS_TIMEOUT_S):
                    facts = await self.driver.facts()
                await self._connected(facts)
                async with aclosing(self.driver.readings()) as readings:  # type: ignore[type-var]  # drivers write generators
                    async for reading in readings:
                        await self._take(reading)
                problem, state = "The host ended the connection.", State.OFFLINE
            except HostRefused as error:
                problem, state, wait_s = words(error), State.REFUSED, _REFUSED_WAIT_S
            except (HostError, ProtocolViolation, TimeoutError) as error:
                problem, state = words(error), State.OFFLINE
            if time.monotonic() - began_s > _LONGEST_WAIT_S and state is State.OFFLINE:
                wait_s = _SHORTEST_WAIT_S
            await self._lost(state, problem)
            await asyncio.sleep(wait_s * random.uniform(0.7, 1.3))  # noqa: S311 -- spreads load, hides nothing
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def _connected(self, facts: HostFacts) -> None:
        if self._course.connection_id:  # of a bridge that was killed: it ended unseen
            await self._disconnected()
        if self._was_lost:
            log.info("printer %s: host is back", self.printer.id)
        self._was_lost = False
        self._course.connection_id = str(uuid7())
        await self._save()
        now = self._outside.clock.now()
        await self._keep(Connected(connection_id=self._course.connection_id, since=now, facts=facts))

    async def _lost(self, state: State, problem: str) -> None:
        if not self._was_lost:
            log.warning("printer %s: host is %s", self.printer.id, state)
        self._was_lost = True
        await self._disconnected()
        await self._take(Reading(state=state, message=problem))

    async def _disconnected(self) -> None:
        connection_id = self._course.connection_id
        if connection_id:
            await self._keep(Disconnected(connection_id=connection_id, until=self._outside.clock.now()))
            self._course.connection_id = None
            await self._save()

    async def _take(self, reading: Reading) -> None:
        now = self._outside.clock.now()
        self._reading, self._is_known = reading, True
        before = self.follower.job
        happenings = self.follower.take(reading, now)
        if reading.state in BUSY:
            self.note = None
        if happenings or self.follower.job is not before:
            await self.tell(happenings)
        await self._take_fault(reading, now)
        self.changed()

    async def _take_fault(self, reading: Reading, now: float) -> None:
        is_fault = reading.state in {State.ERROR, State.STOPPED}
        message = (reading.message or f"The printer is {reading.state}.")[:_TEXT_LIMIT] if is_fault else None
        if message and message != self._fault:
            await self._keep(Fault(at=now, message=message))
        self._fault = message

    # -- viewers ------------------------------------------------------------------------------------

    async def _publish(self) -> None:
        """Send deltas while somebody watches, at most four a second; a slow link gets fewer, never a queue."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not self._watched or not self._is_known:
                continue
            await self._send_sample()
            await asyncio.sleep(_SAMPLE_GAP_S)

    async def _send_sample(self) -> None:
        before, now = self._sent, rounded(self.reading)
        delta = difference(before, now)
        if delta:
            self._sent = now
            if not await self._outside.send(
                Sample(printer=self.printer.id, delta=delta, full=before is None)
            ):
                self.unwatch()

    # -- what is kept ----------------------------------------------------------------------------------

    async def _collect_trace(self) -> None:
        """Note one sample a second of a print, in the middle of the second."""
        while True:
            job = self.follower.job
            started_at = job.started_at if job else None
            now = self._outside.clock.now()
            await asyncio.sleep(1.5 - (now - (started_at or 0)) % 1)
            job = self.follower.job
            if job is None or job.started_at is None or job.phase != "seen" or not self._keeps_trace:
                continue
            if self._trace is None or self._trace.print_id != job.print_id:
                self._trace = TraceCollector(job.print_id, job.started_at)
            if self._reading.state in BUSY:
                finished = self._trace.add(self._reading, self._outside.clock.now())
                if finished:  # once a minute also note how far the print is, for a restart
                    await self._keep(finished)
                    await self._save()

    async def _finish_trace(self) -> None:
        trace, self._trace = self._trace, None
        self._course.minute, self._course.minute_samples = None, b""
        if trace and self._keeps_trace:
            await self._keep(trace.finish())

    def _restored_trace(self) -> TraceCollector | None:
        course, job = self._course, self._course.job
        if job is None or job.started_at is None:
            return None
        trace = TraceCollector(job.print_id, job.started_at)
        if course.minute is not None and course.minute_samples:
            trace.restore(course.minute, course.minute_samples)
            course.minute, course.minute_samples = None, b""
        return trace

    @property
    def _keeps_trace(self) -> bool:
        return self.printer.keep_history and self.printer.keep_trace

    async def _keep(self, happening: Happening | None) -> None:
        if happening is not None and self.printer.keep_history:
            event_id = _event_id(self.printer.id, happening)
            await self._outside.keep(Event(id=event_id, printer=self.printer.id, what=happening))

    async def _settle_debts(self) -> None:
        """Hand over what was noted but perhaps not yet in the outbox; the event's id is always the same."""
        while self._course.owed:
            owed = self._course.owed[0]
            await self._keep(owed)
            if self._course.owed[:1] == (owed,):
                self._course.owed = self._course.owed[1:]
                await self._save()

    async def _save(self) -> None:
        async with self._saving:
            self._course.job = self.follower.job
            sealed = self._outside.courses.pack(self.printer.id, self._course)
            await asyncio.to_thread(self._outside.courses.write, self.printer.id, sealed)


def words(error: BaseException) -> str:
    """What a person reads of an error."""
    if isinstance(error, TimeoutError) and not error.args:
        return "The printer's host does not answer in time."
    return (str(error) or (type(error).__doc__ or "").strip() or type(error).__name__)[:_TEXT_LIMIT]


def _event_id(printer: str, happening: Happening) -> str:
    """Name an event by what it tells, so that telling it again after a kill is the same event."""
    match happening:
        case PrintStarted() | PrintEnded():
            told = f"{happening.print_id} {type(happening).__name__}"
        case TraceChunk():
            told = f"{happening.print_id} {happening.minute}"
        case Connected() | Disconnected():
            told = f"{happening.connection_id} {type(happening).__name__}"
        case Fault():
            told = f"{printer} {happening.at}"
    return str(uuid.uuid5(uuid.UUID(printer), told))
