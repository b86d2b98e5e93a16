"""What only Moonraker and Klipper do, on the real ones; the rest is in test_contract.py."""

import asyncio
import socket
from contextlib import aclosing
from itertools import pairwise

import aiohttp
import pytest
from drivers.contract.suite import upload_of, watching
from drivers.moonraker import prints
from peers.moonraker import moonraker

from glassbed.drivers.interface import (
    HostConflict,
    HostFault,
    HostRefused,
    HostUnreachable,
    Upload,
)
from glassbed.drivers.moonraker import driver as driver_module
from glassbed.drivers.moonraker import upload as upload_module
from glassbed.drivers.moonraker.driver import MoonrakerDriver
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import HostFacts
from glassbed.protocol.reading import State

pytestmark = pytest.mark.peer

BACK_LIMIT_S = 30


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def host(running_moonraker):
    yield running_moonraker
    running_moonraker.settle()


@pytest.fixture
def driver(host, session):
    return MoonrakerDriver(host.address, host.key, session)


async def exhausted(readings):
    async for _ in readings:
        pass


# -- who is there -------------------------------------------------------------------------------------


async def test_the_facts_are_the_hosts_own(host, driver):
    named = {"namespace": "mainsail", "key": "general.printername", "value": "Lina's Voron"}
    await asyncio.to_thread(host.ask, "/server/database/item", named)

    assert await driver.facts() == HostFacts(
        software="Moonraker 0.11.0 / Kalico",
        firmware="glassbed-simulated-1",
        model="Lina's Voron",
        hostname=socket.gethostname(),
        can=("cancel", "emergency_stop", "pause", "print", "restart"),
    )


async def test_a_host_that_trusts_the_network_needs_no_key(tmp_path, session):
    with moonraker(tmp_path, real_time=False) as trusting:
        driver = MoonrakerDriver(trusting.address, None, session)

        assert (await driver.facts()).hostname == socket.gethostname()
        async with watching(driver) as watched:
            await driver.print(upload_of(prints.sliced(300, 20)))
            begun = await watched.until(State.PRINTING)
            await watched.until(State.READY, after=begun)

        assert watched.readings[-2].progress_ratio == 1
        assert watched.readings[-2].layers == 300


# -- heat and layers ----------------------------------------------------------------------------------


async def test_temperatures_rise_while_the_printer_heats(host, driver):
    async with watching(driver) as watched:
        await driver.print(upload_of(prints.HEATING))
        begun = await watched.until(State.PRINTING)
        await asyncio.sleep(2)

    heating = [reading.nozzle_c for reading in watched.readings[begun + 2 :]]
    heating = heating[: next((n for n, celsius in enumerate(heating) if celsius > 300), None)]
    assert all(before <= after for before, after in pairwise(heating))
    assert heating[-1] > heating[0] + 50
    assert watched.readings[-1].nozzle_target_c == 300
    assert watched.readings[-1].bed_target_c == 0
    assert watched.readings[-1].bed_c == pytest.approx(22, abs=0.1)
    assert watched.readings[-1].chamber_c == pytest.approx(22, abs=0.1)


async def test_layers_height_fan_and_time_left_are_read(host, driver):
    async with watching(driver) as watched:
        await driver.print(upload_of(prints.sliced(3, 6)))
        begun = await watched.until(State.PRINTING)
        await watched.until(State.READY, after=begun)

    job = [reading for reading in watched.readings[begun:] if reading.state is State.PRINTING]
    assert {reading.layers for reading in job[1:]} == {3}
    assert job[-1].layer == 3
    assert job[-1].height_mm == pytest.approx(0.6)
    assert job[-1].fan_ratio == pytest.approx(0.5, abs=0.01)
    assert job[-1].filament_mm == pytest.approx(18)
    assert job[-2].left_s == pytest.approx(prints.SLICED_S - job[-2].elapsed_s, abs=1)


# -- orders -------------------------------------------------------------------------------------------


async def test_a_pause_during_heating_is_under_way_until_klipper_gets_to_it(host, driver, monkeypatch):
    monkeypatch.setattr(driver_module, "ORDER_LIMIT_S", 0.5)
    async with watching(driver) as watched:
        await driver.print(upload_of(prints.HEATING))
        begun = await watched.until(State.PRINTING)
        await driver.pause()
        await watched.until(State.PAUSED, after=begun)

    assert watched.states(begun) == [State.PRINTING, State.PAUSING, State.PAUSED]


async def test_a_print_begun_at_the_printer_itself_is_seen(host, driver):
    gcodes = host.folder / "data" / "gcodes"
    (gcodes / "own").mkdir(exist_ok=True)
    (gcodes / "own" / "calibration.gcode").write_bytes(prints.plain(300))
    async with watching(driver) as watched:
        await asyncio.to_thread(host.send, 'SDCARD_PRINT_FILE FILENAME="own/calibration.gcode"')
        begun = await watched.until(State.PRINTING)
        await asyncio.to_thread(host.send, "CANCEL_PRINT")
        await watched.until(State.READY, after=begun)

    assert watched.readings[begun].file_name == "calibration.gcode"
    assert watched.states() == [State.READY, State.PRINTING, State.CANCELLING, State.READY]


async def test_a_print_that_fails_says_why_in_klippers_words(host, driver):
    async with watching(driver) as watched:
        await driver.print(upload_of(prints.FAILING))
        failed = await watched.until(State.ERROR)
        await watched.until(State.READY, after=failed)

    assert watched.readings[failed].message.startswith("Move out of range: 9000")
    assert watched.readings[failed - 1].state is State.PRINTING


@pytest.mark.parametrize("name", ["notes ü.txt", "milled ü.nc"])  # Moonraker queues the second
async def test_a_file_that_klipper_can_not_print_is_taken_away_again(name, host, driver):
    with pytest.raises(HostConflict, match="did not start it"):
        await driver.print(upload_of(b"G28\n", name))

    assert [path for path in host.folder.rglob("* ü.*") if path.is_file()] == []
    assert (await asyncio.to_thread(host.ask, "/server/job_queue/status"))["queued_jobs"] == []


async def test_a_file_that_changes_on_its_way_is_not_printed(host, driver, monkeypatch):
    monkeypatch.setattr(upload_module.hashlib, "sha256", upload_module.hashlib.sha3_256)

    with pytest.raises(HostFault, match="other than it was sent"):
        await driver.print(upload_of(prints.plain(300)))
    assert host.print_state() == "standby"


async def test_a_file_shorter_than_announced_is_not_printed(host, driver):
    upload = Upload(name="a.gcode", size_bytes=10_000, chunks=upload_of(prints.plain(3)).chunks)

    with pytest.raises(ProtocolViolation):
        await driver.print(upload)

    assert host.print_state() == "standby"


# -- when Klipper is away or broken -------------------------------------------------------------------


async def test_klipper_killed_in_a_print_is_told_and_its_return_too(host, driver):
    async with watching(driver) as watched:
        await driver.print(upload_of(prints.plain(300)))
        begun = await watched.until(State.PRINTING)
        host.kill_klippy()
        away = await watched.until(State.STARTING, after=begun)
        assert (await driver.facts()).software == "Moonraker 0.11.0"
        for order in (driver.pause, driver.emergency_stop, driver.restart):
            with pytest.raises(HostConflict, match="Klipper"):
                await order()
        with pytest.raises(HostConflict, match="Klipper"):
            await driver.print(upload_of(prints.plain(3)))
        host.start_klippy()
        await watched.until(State.READY, after=away, limit_s=BACK_LIMIT_S)

    assert watched.states(begun) == [State.PRINTING, State.ERROR, State.STARTING, State.READY]


async def test_a_broken_configuration_is_an_error_in_klippers_words(host, driver):
    config = host.folder / "printer.cfg"
    good = config.read_text()
    async with watching(driver) as watched:
        config.write_text(good + "[fan]\npin: nonsense\n")
        await asyncio.to_thread(host.ask, "/printer/restart", {})
        broken = await watched.until(State.ERROR, limit_s=BACK_LIMIT_S)
        with pytest.raises(HostConflict, match="nonsense"):
            await driver.resume()
        config.write_text(good)
        await driver.restart()
        await watched.until(State.READY, after=broken, limit_s=BACK_LIMIT_S)

    assert "nonsense" in watched.readings[broken].message


async def test_a_shutdown_from_the_printers_side_is_stopped_for_who_comes_later_too(host, driver):
    await asyncio.to_thread(host.send, "M112")
    await asyncio.to_thread(host.await_state, host.klippy_state, "shutdown")
    async with aclosing(driver.readings()) as readings:
        first = await anext(readings)

    assert first.state is State.STOPPED
    assert first.message.startswith("Shutdown due to M112 command")
    with pytest.raises(HostConflict, match="M112"):
        await driver.print(upload_of(prints.plain(3)))


# -- hosts that do not answer as they should ----------------------------------------------------------


async def test_a_host_that_freezes_is_unreachable(host, driver, monkeypatch):
    monkeypatch.setattr(driver_module, "HEARTBEAT_S", 1)
    driver._rest.answer_limit_s = 0.5
    async with aclosing(driver.readings()) as readings:
        await anext(readings)
        host.freeze()
        try:
            with pytest.raises(HostUnreachable):
                await asyncio.wait_for(exhausted(readings), 5)
            with pytest.raises(HostUnreachable):
                await driver.facts()
        finally:
            host.thaw()


async def test_a_wrong_key_is_refused_before_a_file_is_sent(host, session):
    sent = []

    async def chunks():
        sent.append(1)
        yield b"G28\n"

    upload = Upload(name="a.gcode", size_bytes=4, chunks=chunks())

    with pytest.raises(HostRefused):
        await MoonrakerDriver(host.address, "wrong", session).print(upload)
    assert sent == []
