"""The watching of printers whose bridges' live process is busy, wrong, or no longer wanted."""

import asyncio
import time

import msgspec
import pytest

from glassbed.processes.live.audience import Audience
from glassbed.processes.live.bus import Bus
from glassbed.processes.live.socket import Socket
from glassbed.processes.live.timing import Timing
from glassbed.processes.live.viewers import Viewer
from glassbed.protocol import messages, subjects, tickets
from glassbed.protocol.ids import uuid7

pytestmark = [pytest.mark.integration, pytest.mark.timeout(40)]
ONLINE = msgspec.json.encode(subjects.Online(online=True))


@pytest.fixture
async def asked(bus):
    """Stand in for the live process that holds the bridge: what it is asked about a printer comes in a queue."""

    async def begin(printer, subject=subjects.watch):
        heard = asyncio.Queue()
        await bus.subscribe(subject(printer), cb=heard.put)
        await bus.flush()
        return heard

    return begin


def watching(message):
    return msgspec.json.decode(message.data, type=subjects.Watching)


async def soon(queue):
    return await asyncio.wait_for(queue.get(), 5)


async def test_a_bridge_whose_live_is_busy_is_not_shown_offline_and_is_asked_again(
    house, start_live, nats_server, asked
):
    live = start_live(nats_server, answer_s=0.2)
    printer = house.printer()
    requests = await asked(printer.id)
    viewer = await house.viewer(live, [printer])
    assert watching(await soon(requests)).full  # and nobody answers
    again = await soon(requests)
    assert watching(again).full
    await again.respond(ONLINE)
    assert await viewer.hear() == messages.Link(printer=printer.id, online=True)


async def test_a_wrong_answer_about_one_printer_does_not_end_the_renewing_of_others(
    house, start_live, nats_server, asked
):
    live = start_live(nats_server, watch_renewed_s=0.1)
    wrong, right = house.printer(), house.printer()
    of_wrong, of_right = await asked(wrong.id), await asked(right.id)
    await house.viewer(live, [wrong, right])
    await (await soon(of_wrong)).respond(ONLINE)
    await (await soon(of_right)).respond(ONLINE)
    for _ in range(3):
        await (await soon(of_wrong)).respond(b"{")
        renewed = await soon(of_right)
        assert not watching(renewed).full
        await renewed.respond(ONLINE)


@pytest.fixture
async def here(nats_server):
    """An audience in this process, whose viewers come and go at a chosen moment."""
    bus = Bus(f"nats://127.0.0.1:{nats_server.port}", on_connected=lambda: None)
    await bus.ready(5)
    yield Audience(bus, Timing())
    await bus.stop()


def a_viewer(audience, *printers):
    async def never(*_):
        await asyncio.Event().wait()

    ticket = tickets.ViewerTicket(
        person=str(uuid7()), session="s", printers=printers, expires_at=time.time() + 60
    )
    return Viewer(ticket, Socket(never, never, Timing()), 0.0, audience.ask_again_for)


async def test_a_viewer_who_leaves_at_once_leaves_no_watch_behind(here, asked, bus):
    printer = str(uuid7())
    watches, farewells = await asked(printer), await asked(printer, subjects.unwatch)
    viewer = a_viewer(here, printer)
    here.join(viewer)
    await here.leave(viewer)  # before the bridge was asked for anything
    assert watching(await soon(farewells)).by
    await bus.flush()
    assert watches.empty()


async def test_a_printer_that_is_left_while_it_is_renewed_is_not_watched_after_the_farewell(here, asked, bus):
    printer = str(uuid7())
    watches, farewells = await asked(printer), await asked(printer, subjects.unwatch)
    viewer = a_viewer(here, printer)
    here.join(viewer)
    await (await soon(watches)).respond(ONLINE)
    renewing = asyncio.create_task(here.renew())
    await asyncio.sleep(0)  # it has begun: its questions are the next that run
    await here.leave(viewer)
    await renewing
    await soon(farewells)
    await bus.flush()
    assert watches.empty()


async def test_a_viewer_who_catches_up_after_leaving_asks_for_nothing(here, asked, bus):
    printer = str(uuid7())
    watches, farewells = await asked(printer), await asked(printer, subjects.unwatch)
    viewer = a_viewer(here, printer)
    here.join(viewer)
    await (await soon(watches)).respond(ONLINE)
    await here.leave(viewer)
    here.ask_again_for(viewer)
    await here.leave(viewer)  # twice is once
    await soon(farewells)
    await here.renew()
    await bus.flush()
    assert watches.empty()
    assert farewells.empty()
