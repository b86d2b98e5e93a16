"""What every driver has to keep, run on every driver against a host that runs.

A driver's tests subclass `DriverContract` and give two fixtures:

    pytest.register_assert_rewrite("drivers.contract.suite")    # in the folder's conftest.py

    class TestTheContract(DriverContract):
        @pytest.fixture
        def host(self, running_octoprint):      # may be shared: bring it back to rest after each test
            yield Host(driver=OctoPrintDriver, address=..., key=..., short_print=..., long_print=...)
            running_octoprint.settle()

        @pytest.fixture
        def doomed_host(self): ...              # one of its own, for the test that kills it

What a job's readings say, so that the bridge can tell how it ended: a job that was completed has
`progress_ratio` 1 in its last reading before READY, one that was cancelled has CANCELLING there, one
that failed is followed by ERROR or STOPPED. A reading without a job has no fields of one.
"""

import asyncio
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import aiohttp
import pytest

from glassbed.drivers.interface import (
    Capability,
    Driver,
    HostConflict,
    HostRefused,
    HostUnreachable,
    Upload,
)
from glassbed.protocol.reading import BUSY, Reading, State

PRINT_LIMIT_S = 45
SOON_S = 15
GONE_LIMIT_S = 30
BIG_BYTES = 8_000_000
CHUNK_BYTES = 64 * 1024
FILE_NAME = "Schlüssel für Ada.gcode"


def _closed_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@dataclass(frozen=True, kw_only=True)
class Host:
    """A printer host under test, its printer at rest and its temperatures known."""

    driver: type[Driver]
    address: str
    key: str | None
    short_print: bytes  # G-code that its printer takes 2 to 20 s for
    long_print: bytes  # G-code that its printer takes a minute or more for
    wrong_key: str = "B" * 32
    nobody: str = field(default_factory=_closed_address)  # an address where no host is
    kill: Callable[[], None] | None = None  # as a power cut would; for `doomed_host`


class Watched:
    """Every reading of a driver since it was watched."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._came = asyncio.Condition()

    async def follow(self, driver: Driver) -> None:
        async with aclosing(driver.readings()) as readings:
            async for reading in readings:
                async with self._came:
                    self.readings.append(reading)
                    self._came.notify_all()

    async def until(self, *states: State, after: int = 0, limit_s: float = SOON_S) -> int:
        """Wait for a reading in one of these states at place `after` or later; return its place."""

        def place() -> int | None:
            return next((n for n, r in enumerate(self.readings) if n >= after and r.state in states), None)

        try:
            async with asyncio.timeout(limit_s), self._came:
                await self._came.wait_for(lambda: place() is not None)
        except TimeoutError:
            pytest.fail(f"no {states} within {limit_s} s, only {self.states(after)}")
        found = place()
        assert found is not None
        return found

    def states(self, after: int = 0) -> list[State]:
        """The states that followed one another, each once."""
        every = [reading.state for reading in self.readings[after:]]
        return every[:1] + [now for before, now in pairwise(every) if now is not before]


@asynccontextmanager
async def watching(driver: Driver) -> AsyncIterator[Watched]:
    watched = Watched()
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(watched.follow(driver))
        await watched.until(*State)
        yield watched
        following.cancel()


def upload_of(content: bytes, name: str = FILE_NAME) -> Upload:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(content), CHUNK_BYTES):
            yield content[start : start + CHUNK_BYTES]

    return Upload(name=name, size_bytes=len(content), chunks=chunks())


async def _all_of(readings: AsyncIterator[Reading]) -> None:
    async for _ in readings:
        pass


class DriverContract:
    """Subclassed by the tests of each driver."""

    pytestmark = pytest.mark.timeout(180)

    @pytest.fixture
    def host(self) -> Host:
        raise NotImplementedError("a host whose printer is ready")

    @pytest.fixture
    def doomed_host(self) -> Host:
        raise NotImplementedError("a host that may be killed")

    @pytest.fixture
    async def session(self):
        async with aiohttp.ClientSession() as session:
            yield session

    @pytest.fixture
    def driver(self, host, session):
        return host.driver(host.address, host.key, session)

    # -- who is there ------------------------------------------------------------------------------

    async def test_facts_name_the_host_and_what_it_can_do(self, driver):
        facts = await driver.facts()

        assert facts.software
        assert Capability.PRINT in facts.can
        assert set(facts.can) <= driver.capabilities

    async def test_an_address_without_a_scheme_will_do(self, host, session):
        bare = host.address.removeprefix("http://")

        assert (await host.driver(bare, host.key, session).facts()).software

    async def test_where_nobody_is_the_host_is_unreachable(self, host, session):
        driver = host.driver(host.nobody, host.key, session)

        with pytest.raises(HostUnreachable):
            await driver.facts()
        with pytest.raises(HostUnreachable):
            await anext(driver.readings())
        with pytest.raises(HostUnreachable):
            await driver.pause()
        with pytest.raises(HostUnreachable):
            await driver.print(upload_of(host.short_print))

    # -- readings ----------------------------------------------------------------------------------

    async def test_the_first_reading_comes_at_once_and_is_complete(self, driver):
        async with asyncio.timeout(3), aclosing(driver.readings()) as readings:
            first = await anext(readings)

        assert first.state is State.READY
        assert first.message is None
        assert first.nozzle_c is not None
        assert first.bed_c is not None
        assert (first.file_name, first.progress_ratio, first.elapsed_s, first.left_s) == (None,) * 4

    async def test_readings_come_at_most_four_times_a_second(self, host, driver):
        async with watching(driver) as watched:
            await driver.print(upload_of(host.long_print))
            begun = await watched.until(State.PRINTING)
            await asyncio.sleep(4)

            assert 3 <= len(watched.readings) - begun <= 17

    async def test_readings_end_when_the_host_dies(self, doomed_host, session):
        driver = doomed_host.driver(doomed_host.address, doomed_host.key, session)

        async with aclosing(driver.readings()) as readings:
            await anext(readings)
            doomed_host.kill()
            with pytest.raises(HostUnreachable):
                await asyncio.wait_for(_all_of(readings), GONE_LIMIT_S)

    # -- a job -------------------------------------------------------------------------------------

    async def test_a_print_goes_from_ready_through_printing_to_ready(self, host, driver):
        async with watching(driver) as watched:
            await driver.print(upload_of(host.short_print))
            begun = await watched.until(State.PRINTING)
            ended = await watched.until(State.READY, after=begun, limit_s=PRINT_LIMIT_S)

        assert watched.states() == [State.READY, State.PRINTING, State.READY]
        job, after = watched.readings[begun:ended], watched.readings[ended]
        assert {reading.file_name for reading in job} == {FILE_NAME}
        progress = [reading.progress_ratio for reading in job if reading.progress_ratio is not None]
        assert progress == sorted(progress)
        assert len(set(progress)) > 2
        assert progress[-1] == 1
        assert job[-1].elapsed_s >= 1
        assert (after.file_name, after.progress_ratio) == (None, None)

    async def test_a_print_is_paused_and_resumed(self, host, driver):
        async with watching(driver) as watched:
            await driver.print(upload_of(host.long_print))
            await watched.until(State.PRINTING)
            await driver.pause()
            paused = await watched.until(State.PAUSED)
            assert watched.readings[paused].file_name == FILE_NAME
            await driver.resume()
            resumed = await watched.until(State.PRINTING, after=paused)

            between = set(watched.states()) - {State.READY, State.PRINTING, State.PAUSED}
            assert between <= {State.PAUSING, State.RESUMING}
            assert watched.readings[resumed].file_name == FILE_NAME

    async def test_a_cancelled_print_says_so_before_the_printer_is_ready(self, host, driver):
        async with watching(driver) as watched:
            await driver.print(upload_of(host.long_print))
            begun = await watched.until(State.PRINTING)
            await driver.cancel()
            ended = await watched.until(State.READY, after=begun)

        assert watched.readings[ended - 1].state is State.CANCELLING
        assert all(reading.progress_ratio != 1 for reading in watched.readings[begun:ended])
        assert (watched.readings[ended].file_name, watched.readings[ended].progress_ratio) == (None, None)

    @pytest.mark.parametrize("order", ["pause", "resume", "cancel"])
    async def test_an_order_without_a_job_is_a_conflict(self, driver, order):
        with pytest.raises(HostConflict) as refused:
            await getattr(driver, order)()

        assert str(refused.value)

    async def test_a_second_print_is_a_conflict_and_the_first_goes_on(self, host, driver):
        async with watching(driver) as watched:
            await driver.print(upload_of(host.long_print))
            begun = await watched.until(State.PRINTING)
            with pytest.raises(HostConflict):
                await driver.print(upload_of(host.short_print, "second.gcode"))
            seen = len(watched.readings)
            await watched.until(State.PRINTING, after=seen)

        assert {reading.file_name for reading in watched.readings[begun:]} == {FILE_NAME}
        assert {reading.state for reading in watched.readings[begun:]} <= BUSY

    async def test_a_big_file_is_streamed_and_never_whole_in_memory(self, host, driver):
        line = b"; " + b"." * 998 + b"\n"

        async def chunks() -> AsyncIterator[bytes]:
            yield host.long_print
            for _ in range(BIG_BYTES // (64 * len(line))):
                yield line * 64

        size_bytes = sum([len(chunk) async for chunk in chunks()])
        tracemalloc.start()
        try:
            await driver.print(Upload(name=FILE_NAME, size_bytes=size_bytes, chunks=chunks()))
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

        assert peak_bytes < BIG_BYTES / 4

    # -- the worst ---------------------------------------------------------------------------------

    async def test_after_an_emergency_stop_a_restart_brings_the_printer_back(self, host, driver):
        async with watching(driver) as watched:
            await driver.print(upload_of(host.long_print))
            await watched.until(State.PRINTING)
            await driver.emergency_stop()
            stopped = await watched.until(State.STOPPED)
            assert watched.readings[stopped].message
            assert watched.readings[stopped].file_name is None
            await driver.restart()

            await watched.until(State.READY, after=stopped, limit_s=PRINT_LIMIT_S)


class KeyedDriverContract(DriverContract):
    """What a driver has to keep beside that if its host asks for a key."""

    async def test_a_wrong_key_is_refused_even_after_the_right_one(self, host, driver, session):
        await driver.facts()
        intruder = host.driver(host.address, host.wrong_key, session)

        with pytest.raises(HostRefused):
            await intruder.facts()
        with pytest.raises(HostRefused):
            await anext(intruder.readings())
        with pytest.raises(HostRefused):
            await intruder.cancel()
        with pytest.raises(HostRefused):
            await intruder.print(upload_of(host.short_print))

    async def test_no_key_is_refused(self, host, session):
        with pytest.raises(HostRefused):
            await host.driver(host.address, None, session).facts()
