"""What only OctoPrint does, against the real one. What every host does is in test_contract.py."""

import asyncio
import signal

import aiohttp
import pytest
from drivers.contract.suite import FILE_NAME, GONE_LIMIT_S, SOON_S, upload_of, watching
from peers.octoprint import octoprint

from glassbed.drivers.interface import HostConflict, HostRefused, HostUnreachable, Upload
from glassbed.drivers.octoprint import driver as driver_module
from glassbed.drivers.octoprint.driver import OctoPrintDriver
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import HostFacts
from glassbed.protocol.reading import State

pytestmark = pytest.mark.peer

SHORT = b"G28\nG1 X10 F3000\n"


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def host(running_octoprint):
    yield running_octoprint
    running_octoprint.settle()


@pytest.fixture
def driver(host, session):
    return OctoPrintDriver(host.address, host.key, session)


async def test_facts_are_those_of_the_host_and_of_what_the_key_may_do(driver):
    assert await driver.facts() == HostFacts(
        software="OctoPrint 1.11.8",
        firmware="Virtual Marlin 1.0",
        can=("print", "pause", "cancel", "emergency_stop", "restart"),
    )


async def test_a_firmware_fault_is_told_in_its_words_and_a_restart_reconnects(host, driver):
    async with watching(driver) as watched:
        host.send("!!DEBUG:trigger_fatal_error_marlin")
        fault = await watched.until(State.ERROR)
        assert "Thermal Runaway, system stopped!" in watched.readings[fault].message
        await driver.restart()

        again = await watched.until(State.READY, after=fault)
        assert watched.readings[again].message is None


async def test_a_restart_of_a_printer_at_rest_resets_it(host, driver):
    host.send("M104 S150")
    async with watching(driver) as watched:
        async with asyncio.timeout(SOON_S):
            while watched.readings[-1].nozzle_target_c != 150:
                await watched.until(*State, after=len(watched.readings))
        await driver.restart()

        async with asyncio.timeout(SOON_S):
            while watched.readings[-1].nozzle_target_c != 0:
                await watched.until(*State, after=len(watched.readings))
        assert watched.readings[-1].state is State.READY


async def test_a_restart_in_the_midst_of_a_print_is_a_conflict_and_the_print_goes_on(host, driver):
    async with watching(driver) as watched:
        await driver.print(upload_of(b"G28\n" + b"G4 P100\n" * 600))
        begun = await watched.until(State.PRINTING)
        with pytest.raises(HostConflict):
            await driver.restart()
        await watched.until(State.PRINTING, after=len(watched.readings) + 1)

    assert {reading.state for reading in watched.readings[begun:]} == {State.PRINTING}


async def test_a_printer_that_is_off_is_a_reading_and_no_file_is_sent_to_it(host, driver):
    host.ask("/api/connection", {"command": "disconnect"})
    asked_for = []

    async def chunks():
        asked_for.append("a chunk")
        yield SHORT

    async with watching(driver) as watched:
        assert watched.readings[0].state is State.STARTING
        assert watched.readings[0].message == "Offline"
        assert watched.readings[0].nozzle_c is None
        with pytest.raises(HostConflict):
            await driver.print(Upload(name=FILE_NAME, size_bytes=len(SHORT), chunks=chunks()))
        with pytest.raises(HostConflict):
            await driver.emergency_stop()

    assert asked_for == []


async def test_a_name_of_any_letters_reaches_the_host_as_it_is_and_stays_in_our_folder(host, driver):
    name = "Würfel \"20 mm\" 100%25; x='y' äöü 立方体.gcode"
    content = SHORT + b"G4 S1\n"

    async with watching(driver) as watched:
        await driver.print(upload_of(content, name))
        begun = await watched.until(State.PRINTING)

    assert watched.readings[begun].file_name == name
    stored = host.ask("/api/files/local/glassbed")
    assert (name, len(content)) in [(child["display"], child["size"]) for child in stored["children"]]


async def test_a_source_that_breaks_is_no_fault_of_the_host(host, driver):
    class TornError(Exception):
        pass

    async def chunks():
        yield SHORT
        raise TornError

    with pytest.raises(TornError):
        await driver.print(Upload(name="torn.gcode", size_bytes=10_000, chunks=chunks()))
    assert host.printer_state() == "Operational"


@pytest.mark.parametrize("announced_bytes", [len(SHORT) - 1, len(SHORT) + 1])
async def test_a_file_of_another_size_than_announced_is_not_printed(host, driver, announced_bytes):
    async def chunks():
        yield SHORT

    with pytest.raises(ProtocolViolation):
        await driver.print(Upload(name="odd.gcode", size_bytes=announced_bytes, chunks=chunks()))
    assert host.printer_state() == "Operational"


async def test_a_host_that_freezes_is_noticed_by_its_missing_heartbeat(tmp_path, session, monkeypatch):
    monkeypatch.setattr(driver_module, "HEARTBEAT_S", 1)
    with octoprint(tmp_path / "basedir") as host:
        readings = OctoPrintDriver(host.address, host.key, session).readings()
        await anext(readings)
        host.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(HostUnreachable):
                await asyncio.wait_for(_last(readings), GONE_LIMIT_S)
        finally:
            host.process.send_signal(signal.SIGCONT)


async def _last(readings):
    async for _ in readings:
        pass


# -- asking for a key ------------------------------------------------------------------------------------


async def _decide(host, *, yes):
    pending = []
    async with asyncio.timeout(SOON_S):
        while not pending:
            pending = list((await asyncio.to_thread(host.ask, "/api/plugin/appkeys"))["pending"])
            await asyncio.sleep(0.1)
    await asyncio.to_thread(host.ask, f"/plugin/appkeys/decision/{pending[0]}", {"decision": yes})


async def test_a_person_at_the_host_grants_a_key_that_works(host, session):
    asking = OctoPrintDriver(host.address, None, session).ask_key()

    where = await anext(asking)
    async with session.get(where, allow_redirects=False) as dialog:
        assert dialog.status == 302  # to the log-in, and from there to the question
    decision = asyncio.create_task(_decide(host, yes=True))
    key = await anext(asking)
    await decision

    assert key != host.key
    assert "print" in (await OctoPrintDriver(host.address, key, session).facts()).can


async def test_a_person_at_the_host_says_no(host, session):
    asking = OctoPrintDriver(host.address, None, session).ask_key()

    await anext(asking)
    decision = asyncio.create_task(_decide(host, yes=False))
    with pytest.raises(HostRefused):
        await anext(asking)
    await decision


async def test_nobody_decides_in_time(host, session, monkeypatch):
    monkeypatch.setattr(driver_module, "DECISION_LIMIT_S", 0.5)
    asking = OctoPrintDriver(host.address, None, session).ask_key()

    await anext(asking)
    with pytest.raises(HostUnreachable):
        await anext(asking)
