"""What happens when a process dies, the bus goes, or a peer falls silent."""

import asyncio
import time

import pytest

from glassbed.processes.live import Close
from glassbed.protocol import messages, subjects

pytestmark = pytest.mark.integration


BRIEF = {"watch_renewed_s": 0.3, "watch_expires_s": 0.9, "sweep_s": 0.1}


async def test_after_a_killed_live_nothing_flows(house, start_live, nats_server, bus):
    survivor, victim = start_live(nats_server, **BRIEF), start_live(nats_server, **BRIEF)
    printer = house.printer()
    bridge = await house.bridge(survivor, [printer])
    await house.viewer(victim, [printer])
    assert await bridge.hear() == messages.Watch(printer=printer.id)
    await bridge.say(messages.Ping())
    await bridge.hear(messages.Pong)
    await bridge.hears_nothing(for_s=1.2)  # renewed: it goes on, and the bridge isn't bothered
    victim.kill()
    assert await bridge.hear() == messages.Unwatch(printer=printer.id)
    flow = await bus.subscribe(subjects.sample(printer.id))
    await bus.flush()
    await bridge.say(messages.Sample(printer=printer.id, delta={"state": "ready"}, full=True))
    await bridge.say(messages.Ping())
    await bridge.hear(messages.Pong)
    assert flow.pending_msgs == 0


async def test_a_bridge_whose_live_is_killed_is_shown_offline_after_the_next_renewal(
    house, start_live, nats_server
):
    survivor, victim = start_live(nats_server, **BRIEF), start_live(nats_server)
    printer = house.printer()
    await house.bridge(victim, [printer])
    viewer = await house.viewer(survivor, [printer])
    assert await viewer.hear() == messages.Link(printer=printer.id, online=True)
    victim.kill()
    assert await viewer.hear() == messages.Link(printer=printer.id, online=False)


async def test_the_silent_are_closed(house, start_live, nats_server):
    hasty = start_live(nats_server, silence_s=1, sweep_s=0.1)
    bridge = await house.bridge(hasty, [])
    began = time.monotonic()
    assert await bridge.close_code() == Close.SILENT
    assert time.monotonic() - began > 0.9


async def test_a_socket_without_a_ticket_is_closed(house, start_live, nats_server):
    hasty = start_live(nats_server, first_frame_s=0.3)
    peer = await house.connect(hasty, "/bridge", messages.decode_from_server)
    assert await peer.close_code() == Close.ASK_AGAIN


async def test_an_old_page_is_sent_back_for_a_new_ticket(house, start_live, nats_server):
    hasty = start_live(nats_server, socket_s=0.5, sweep_s=0.1)
    viewer = await house.viewer(hasty, [])
    assert await viewer.hear() == messages.Again()
    assert await viewer.close_code() == Close.ASK_AGAIN


async def test_a_command_without_an_answer_fails_in_time(house, start_live, nats_server, bus):
    hasty = start_live(nats_server, command_grace_s=0.2)
    bridge = await house.bridge(hasty, [])
    now = time.time()
    command = messages.Command(
        id=house.printer().id, order=messages.Resume(), issued_at=now, expires_at=now + 0.3
    )
    reply = await bus.request(subjects.command(bridge.id), messages.encode(command), timeout=3)
    assert b'"failed"' in reply.data
    assert b"in time" in reply.data


async def test_when_the_bus_returns_everybody_asks_again_and_the_flow_goes_on(house, start_nats, start_live):
    server = start_nats()
    live = start_live(server)
    printer = house.printer()
    before = time.time()
    bridge = await house.bridge(live, [printer])
    viewer = await house.viewer(live, [printer])
    await viewer.hear(messages.Link)
    await bridge.hear(messages.Watch)
    server.kill()
    await asyncio.sleep(0.5)
    for peer in (bridge, viewer):  # sockets stay
        await peer.say(messages.Ping())
        await peer.hear(messages.Pong)
    server.start()
    assert await viewer.hear() == messages.Again()
    assert [await viewer.close_code(), await bridge.close_code()] == [Close.ASK_AGAIN, Close.ASK_AGAIN]
    stale = await house.viewer(live, [printer], issued_at=before)  # may have been revoked during the cut
    assert await stale.close_code() == Close.ASK_AGAIN
    bridge = await house.bridge(live, [printer], bridge_id=bridge.id)
    viewer = await house.viewer(live, [printer])
    await bridge.hear(messages.Watch)
    sample = messages.Sample(printer=printer.id, delta={"state": "ready"}, full=True)
    await bridge.say(sample)
    assert await viewer.hear(messages.Sample) == sample


async def test_live_may_start_before_the_bus(house, start_nats, start_live):
    server = start_nats()
    server.kill()
    live = start_live(server, first_frame_s=0.5)
    early = await house.bridge(live, [], welcomed=False)
    assert await early.close_code() == Close.TRY_LATER
    server.start()
    await asyncio.sleep(0.5)
    assert (await house.bridge(live, [])).welcome


async def test_a_live_that_is_stopped_tells_the_others(house, live, start_live, nats_server):
    stopped = start_live(nats_server)
    here, there = house.printer(), house.printer()
    bridge = await house.bridge(live, [here])
    await house.bridge(stopped, [there])
    await house.viewer(stopped, [here])
    viewer = await house.viewer(live, [there])
    assert await bridge.hear() == messages.Watch(printer=here.id)
    assert await viewer.hear() == messages.Link(printer=there.id, online=True)
    stopped.child.terminate()
    assert await bridge.hear() == messages.Unwatch(printer=here.id)
    assert await viewer.hear() == messages.Link(printer=there.id, online=False)
    assert await asyncio.to_thread(stopped.child.wait, 10) == 0
