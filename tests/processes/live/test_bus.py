"""What live says and asks on the bus while it is there, silent, away, and back."""

import asyncio
import logging
import time

import pytest

from glassbed.processes.live.bus import Bus
from glassbed.protocol.errors import Unavailable

pytestmark = pytest.mark.integration
SUBJECT = "changed.somebody"


@pytest.fixture
async def opened():
    """Open connections to a server; returns each with a queue that tells of its (re)connections."""
    found = []

    async def open_on(server, within_s=5):
        connected = asyncio.Queue()
        bus = Bus(f"nats://127.0.0.1:{server.port}", on_connected=lambda: connected.put_nowait(True))
        found.append(bus)
        await bus.ready(within_s)
        return bus, connected

    yield open_on
    for bus in found:
        await bus.stop()


async def ignore(message):
    pass


async def test_nobody_there_and_nobody_answering_are_told_apart(opened, nats_server):
    bus, _ = await opened(nats_server)
    assert await bus.ask(SUBJECT, b"", within_s=5) is None
    await bus.listen(SUBJECT, ignore)
    with pytest.raises(Unavailable):
        await bus.ask(SUBJECT, b"", within_s=0.1)


async def test_what_is_listened_for_always_is_heard_from_the_first_moment(nats_server, bus):
    heard = asyncio.Queue()
    ours = Bus(f"nats://127.0.0.1:{nats_server.port}", on_connected=lambda: None)
    ours.always("access.*", heard.put)
    ours.start()
    ours.start()  # twice is once
    await ours.ready(5)
    await ours.ready(5)
    await bus.publish("access.1")
    assert (await asyncio.wait_for(heard.get(), 5)).subject == "access.1"
    assert heard.empty()
    await ours.stop()


async def test_a_forgotten_subscription_hears_nothing_more(opened, nats_server):
    bus, _ = await opened(nats_server)
    heard = asyncio.Queue()
    first, second = await bus.listen("sample.1", heard.put), await bus.listen("sample.2", heard.put)
    await bus.forget([first])
    await bus.publish("sample.1")
    await bus.publish("sample.2")
    assert (await asyncio.wait_for(heard.get(), 5)).subject == "sample.2"
    await bus.forget([second])


async def test_without_a_bus_nothing_can_be_asked_and_what_is_said_is_dropped():
    bus = Bus("nats://127.0.0.1:1", on_connected=lambda: None)
    await bus.publish(SUBJECT)
    for attempt in (bus.ask(SUBJECT, b"", 1), bus.listen(SUBJECT, ignore), bus.settle(), bus.ready(0.05)):
        with pytest.raises(Unavailable):
            await attempt
    await asyncio.wait_for(bus.stop(), 5)


async def test_during_a_cut_all_is_unavailable_and_after_it_the_flow_goes_on(start_nats, opened, caplog):
    caplog.set_level(logging.DEBUG, "glassbed.live")

    def said(level=logging.DEBUG):
        return [
            record.getMessage()
            for record in caplog.records
            if record.name == "glassbed.live" and record.levelno >= level
        ]

    server = start_nats()
    bus, connected = await opened(server)
    heard = asyncio.Queue()
    subscription = await bus.listen(SUBJECT, heard.put)
    await bus.settle()
    await connected.get()
    server.kill()
    deadline = time.monotonic() + 10
    while bus.is_ready or len(said()) < 6:
        assert time.monotonic() < deadline, "the cut was not noticed, or it is not tried again"
        await asyncio.sleep(0.01)
    await bus.publish(SUBJECT, b"during")
    for attempt in (bus.ask(SUBJECT, b"", 1), bus.listen(SUBJECT, ignore), bus.settle(), bus.ready(1)):
        with pytest.raises(Unavailable):
            await attempt
    server.start()
    await asyncio.wait_for(connected.get(), 10)
    await bus.publish(SUBJECT, b"after")
    assert (await asyncio.wait_for(heard.get(), 5)).data == b"after"
    await bus.forget([subscription])
    lines = said(logging.WARNING)
    assert "bus lost" in lines
    assert lines[-1].startswith("bus connected again")
    assert len(lines) <= 3  # not one for each attempt to connect again


async def test_what_was_said_before_the_stop_arrives(nats_server, bus):
    heard = await bus.subscribe(SUBJECT)
    await bus.flush()
    leaving = Bus(f"nats://127.0.0.1:{nats_server.port}", on_connected=lambda: None)
    await leaving.ready(5)
    subscription = await leaving.listen("sample.1", ignore)
    await leaving.publish(SUBJECT, b"farewell")
    await leaving.stop()
    assert (await heard.next_msg(5)).data == b"farewell"
    await leaving.forget([subscription])  # of a closed connection: no harm
    await leaving.publish(SUBJECT, b"from the grave")
    with pytest.raises(Unavailable):
        await leaving.settle()
    await bus.flush()
    assert heard.pending_msgs == 0
