import asyncio
import logging
import uuid
from contextlib import asynccontextmanager

import pytest

from glassbed.bridge import station as station_module
from glassbed.bridge.records import Course, Courses
from glassbed.bridge.station import Outside, Station, words
from glassbed.drivers.interface import HostRefused, HostUnreachable, Upload
from glassbed.drivers.simulated.driver import MACHINES, SimulatedDriver
from glassbed.protocol.clock import ServerClock
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import (
    Connected,
    Disconnected,
    Fault,
    PrintEnded,
    PrintStarted,
    Sample,
    TraceChunk,
)
from glassbed.protocol.reading import State
from glassbed.protocol.trace import decode


@pytest.fixture
def told():
    return []


@pytest.fixture
def ids():
    return []


@pytest.fixture
def samples():
    return []


@pytest.fixture
def station_of(home, identity, told, ids, samples):
    """Run a station on a driver; what it tells and sends is collected."""

    async def keep(event):
        told.append(event.what)
        ids.append(event.id)

    async def send(message):
        samples.append(message)
        return True

    outside = Outside(ServerClock(), None, Courses(home, identity.seal("records")), send, keep)

    @asynccontextmanager
    async def run(printer, driver=SimulatedDriver):
        station = Station(printer, driver(printer.address, None, None), outside)
        task = asyncio.create_task(station.run())
        yield station
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await station.leave()

    return run


@pytest.fixture
def quick(monkeypatch):
    """Come back within moments, so that a test need not wait as a person would."""
    monkeypatch.setattr(station_module, "_SHORTEST_WAIT_S", 0.05)
    monkeypatch.setattr(station_module, "_REFUSED_WAIT_S", 0.05)


def kinds(told):
    return [type(what).__name__ for what in told]


async def test_a_lost_host_is_logged_once_and_once_when_it_is_back(
    station_of, new_printer, told, quick, wait_until, caplog
):
    caplog.set_level(logging.INFO)
    printer = new_printer()
    async with station_of(printer) as station:
        await wait_until(lambda: station.state is State.READY)
        machine = MACHINES[printer.id]
        machine.answers = False
        await wait_until(lambda: station.state is State.OFFLINE)
        await asyncio.sleep(0.5)
        machine.answers = True
        await wait_until(lambda: station.state is State.READY)
    assert kinds(told) == ["Connected", "Disconnected", "Connected", "Disconnected"]
    assert told[0].connection_id == told[1].connection_id != told[2].connection_id
    messages = [record.message for record in caplog.records]
    assert messages == [f"printer {printer.id}: host is offline", f"printer {printer.id}: host is back"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (HostRefused("Enter a new key."), State.REFUSED),
        (HostUnreachable("Is it on?"), State.OFFLINE),
        (ProtocolViolation("It speaks another language."), State.OFFLINE),
    ],
)
async def test_each_way_a_host_fails_is_a_state_with_words(station_of, new_printer, wait_until, error, state):
    class Failing(SimulatedDriver):
        async def facts(self):
            raise error

    async with station_of(new_printer(), Failing) as station:
        await wait_until(lambda: station.reading.message)
        assert (station.state, station.reading.message) == (state, str(error))


async def test_nobody_sees_a_state_before_the_host_was_asked(station_of, new_printer, samples, wait_until):
    class Slow(SimulatedDriver):
        async def facts(self):
            await asyncio.sleep(0.4)
            return await super().facts()

    async with station_of(new_printer(), Slow) as station:
        station.watch()
        await wait_until(lambda: samples)
    assert isinstance(samples[0], Sample)
    assert samples[0].delta["state"] == State.READY


async def test_a_fault_is_told_once_however_often_it_is_read(station_of, new_printer, told, wait_until):
    printer = new_printer()
    async with station_of(printer) as station:
        await wait_until(lambda: station.state is State.READY)
        MACHINES[printer.id].fault("Thermal runaway")
        await wait_until(lambda: station.state is State.ERROR)
        await asyncio.sleep(1.2)
        MACHINES[printer.id].restart()
        await wait_until(lambda: station.state is State.READY)
        MACHINES[printer.id].fault("Thermal runaway")
        await wait_until(lambda: station.state is State.ERROR)
        await wait_until(lambda: kinds(told).count("Fault") == 2)
    assert [what.message for what in told if isinstance(what, Fault)] == ["Thermal runaway"] * 2


async def test_without_history_nothing_is_told(station_of, new_printer, told, wait_until):
    printer = new_printer(keep_history=False)
    async with station_of(printer) as station:
        await wait_until(lambda: station.state is State.READY)
        MACHINES[printer.id].fault("Thermal runaway")
        await wait_until(lambda: station.state is State.ERROR)
    assert told == []


async def test_a_connection_that_a_kill_left_open_is_ended_by_the_next_start(
    station_of, new_printer, told, wait_until, home, identity
):
    printer = new_printer()
    courses = Courses(home, identity.seal("records"))
    async with station_of(printer) as station:
        await wait_until(lambda: station.state is State.READY)
        left_by_a_kill = courses.load(printer.id)
    told.clear()
    courses.write(printer.id, courses.pack(printer.id, left_by_a_kill))
    async with station_of(printer) as station:
        await wait_until(lambda: station.state is State.READY)
        assert [type(what) for what in told] == [Disconnected, Connected]
        assert told[0].connection_id == left_by_a_kill.connection_id


async def test_what_a_kill_left_to_be_told_is_told_again_as_the_same_event(
    station_of, new_printer, told, ids, wait_until, home, identity
):
    printer = new_printer(keep_trace=False)
    courses = Courses(home, identity.seal("records"))
    print_id = str(uuid.uuid4())
    owed = (
        PrintStarted(print_id=print_id, file_name="a", started_at=1.0),
        PrintEnded(print_id=print_id, ended_at=2.0, outcome="failed"),
    )
    for _ in range(2):
        courses.write(printer.id, courses.pack(printer.id, Course(owed=owed)))
        async with station_of(printer) as station:
            await wait_until(lambda station=station: station.state is State.READY)
        assert courses.load(printer.id).owed == ()
    first, second = (
        [id_ for id_, what in zip(ids[half], told[half], strict=True) if what in owed]
        for half in (slice(0, 4), slice(4, 8))
    )
    assert first == second
    assert len(set(first)) == 2


async def test_a_viewer_of_a_link_that_broke_is_not_served_on(home, identity, new_printer, wait_until):
    sent = []

    async def send(message):
        sent.append(message)
        return False

    async def keep(event):
        pass

    outside = Outside(ServerClock(), None, Courses(home, identity.seal("records")), send, keep)
    printer = new_printer()
    station = Station(printer, SimulatedDriver(printer.address, None, None), outside)
    station.watch()
    task = asyncio.create_task(station.run())
    await wait_until(lambda: sent)
    await asyncio.sleep(1.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(sent) == 1


def test_an_error_without_words_is_told_by_what_it_is():
    assert words(HostUnreachable()).startswith("The printer's host does not answer.")
    assert words(TimeoutError()) == "The printer's host does not answer in time."
    assert words(HostRefused("x" * 3000)) == "x" * 2000


async def test_a_minute_of_the_trace_is_told_and_the_next_survives_a_clean_stop(
    station_of, new_printer, told, wait_until, home, identity, time_machine_of_a_minute
):
    printer = new_printer(speed=1)
    driver = SimulatedDriver(printer.address, None, None)
    await driver.print(Upload(name="long.gcode", size_bytes=9, chunks=one(b"G4 S9000\n")))
    async with station_of(printer):
        await wait_until(lambda: any(isinstance(what, TraceChunk) for what in told), 20)
        await asyncio.sleep(0.3)
    courses = Courses(home, identity.seal("records"))
    course = courses.load(printer.id)
    assert course.job.file_name == "long.gcode"
    assert course.minute == 1
    assert decode(course.minute_samples)[-1].bed_c is not None
    async with station_of(printer) as station:
        await wait_until(lambda: station.state is State.PRINTING)
        assert station.follower.job.print_id == course.job.print_id
    assert [type(what) for what in told].count(PrintStarted) == 1


async def one(chunk):
    yield chunk


@pytest.fixture
def time_machine_of_a_minute(monkeypatch):
    """Let the server's clock be at second 57 of a print that begins now."""
    real = ServerClock.now
    begun = []

    def now(clock):
        begun.append(real(clock))
        return real(clock) + (57 if real(clock) - begun[0] > 1 else 0)

    monkeypatch.setattr(ServerClock, "now", now)
