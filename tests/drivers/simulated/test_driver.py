import uuid

import pytest

from glassbed.drivers.interface import HostConflict, HostUnreachable, Upload
from glassbed.drivers.simulated.driver import MACHINES, SimulatedDriver


@pytest.fixture
def make_driver():
    def make(query="", name=None):
        return SimulatedDriver(f"simulated://{name or uuid.uuid4()}{query}", None, None)

    return make


async def empty():
    for chunk in ():
        yield chunk


@pytest.mark.parametrize(
    "address", ["http://x", "simulated://", "x", "simulated://x?speed=fast", "simulated://x?answers=no"]
)
async def test_an_address_of_nobody_is_unreachable(address):
    with pytest.raises(HostUnreachable):
        await SimulatedDriver(address, None, None).facts()


async def test_a_new_connection_finds_the_printer_as_the_last_one_left_it(make_driver):
    first = make_driver("?speed=5")
    await first.facts()
    name = (await first.facts()).hostname
    await first.print(Upload(name="a.gcode", size_bytes=0, chunks=one(b"G4 S600\n")))
    with pytest.raises(HostConflict):
        await make_driver(name=name).print(Upload(name="b.gcode", size_bytes=0, chunks=empty()))
    reading = await anext(make_driver(name=name).readings())
    assert reading.file_name == "a.gcode"


async def one(chunk):
    yield chunk


async def broken():
    yield b"G4 S600\n"
    raise HostUnreachable


async def test_a_hand_over_that_breaks_leaves_the_printer_free(make_driver):
    driver = make_driver()
    with pytest.raises(HostUnreachable):
        await driver.print(Upload(name="a.gcode", size_bytes=8, chunks=broken()))
    await driver.print(Upload(name="b.gcode", size_bytes=8, chunks=one(b"G4 S600\n")))


@pytest.mark.parametrize(
    ("query", "speed"), [("", 1.0), ("?speed=60", 60.0), ("?speed=0", 0.1), ("?speed=9e9", 1000.0)]
)
async def test_time_passes_as_fast_as_the_address_says_within_reason(make_driver, query, speed):
    facts = await make_driver(query).facts()
    assert MACHINES[facts.hostname].speed == speed
