"""Samples reach who watches, and nobody else."""

import asyncio
import time

import msgspec
import pytest

from glassbed.protocol import messages, subjects

pytestmark = pytest.mark.integration


def full(printer, **delta):
    return messages.Sample(printer=printer.id, delta={"state": "ready"} | delta, full=True)


def some(printer, **delta):
    return messages.Sample(printer=printer.id, delta=delta)


async def test_a_bridge_is_welcomed_with_the_servers_clock_and_its_printers(house, live):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    assert bridge.welcome.printers == (printer,)
    assert abs(bridge.welcome.server_time - time.time()) < 1


async def test_a_full_sample_and_then_deltas_reach_the_viewer(house, live):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    viewer = await house.viewer(live, [printer])
    assert await viewer.hear() == messages.Link(printer=printer.id, online=True)
    assert await bridge.hear() == messages.Watch(printer=printer.id)
    await bridge.say(full(printer, bed_c=20.5))
    await bridge.say(some(printer, bed_c=21.0, message=None))
    assert await viewer.hear() == full(printer, bed_c=20.5)
    assert await viewer.hear() == some(printer, bed_c=21.0, message=None)


async def test_viewer_and_bridge_may_be_on_different_live_processes(house, live, other_live):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    viewer = await house.viewer(other_live, [printer])
    assert await bridge.hear() == messages.Watch(printer=printer.id)
    await bridge.say(full(printer))
    assert await viewer.hear(messages.Sample) == full(printer)
    await viewer.ws.close()
    assert await bridge.hear() == messages.Unwatch(printer=printer.id)


async def test_what_nobody_watches_does_not_enter_the_bus(house, live, bus):
    watched, unwatched = house.printer(), house.printer()
    heard = await bus.subscribe("sample.*")
    await bus.flush()
    bridge = await house.bridge(live, [watched, unwatched])
    await house.viewer(live, [watched])
    await bridge.hear(messages.Watch)
    await bridge.say(full(unwatched))
    await bridge.say(full(watched))
    assert (await heard.next_msg(2)).subject == subjects.sample(watched.id)
    assert heard.pending_msgs == 0


async def test_the_bridge_falls_silent_only_when_the_last_viewer_leaves(house, live):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    first = await house.viewer(live, [printer])
    await bridge.hear(messages.Watch)
    second = await house.viewer(live, [printer])
    await bridge.hear(messages.Watch)
    await first.ws.close()
    await bridge.hears_nothing()
    await second.ws.close()
    assert await bridge.hear() == messages.Unwatch(printer=printer.id)


async def test_a_late_viewer_gets_a_full_sample_before_any_delta(house, live):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    early = await house.viewer(live, [printer])
    await bridge.hear(messages.Watch)
    await bridge.say(full(printer))
    await early.hear(messages.Sample)
    late = await house.viewer(live, [printer])
    await late.hear(messages.Link)
    await bridge.hear(messages.Watch)  # asked again
    await bridge.say(some(printer, bed_c=21.0))
    assert await early.hear(messages.Sample) == some(printer, bed_c=21.0)
    await late.hears_nothing()
    await bridge.say(full(printer, bed_c=21.0))
    assert await late.hear(messages.Sample) == full(printer, bed_c=21.0)


async def test_viewers_who_join_together_share_a_full_sample(house, live):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    viewers = await asyncio.gather(*(house.viewer(live, [printer]) for _ in range(20)))
    await asyncio.gather(*(viewer.hear(messages.Link) for viewer in viewers))
    await asyncio.sleep(0.6)
    await bridge.say(messages.Ping())
    asked = 0
    while isinstance(await bridge.hear(), messages.Watch):
        asked += 1
    assert 1 <= asked <= 3


async def test_the_viewer_is_told_when_the_bridge_goes_and_comes(house, live):
    printer = house.printer()
    viewer = await house.viewer(live, [printer])
    assert await viewer.hear() == messages.Link(printer=printer.id, online=False)
    bridge = await house.bridge(live, [printer])
    assert await viewer.hear() == messages.Link(printer=printer.id, online=True)
    assert await bridge.hear() == messages.Watch(printer=printer.id)
    await bridge.ws.close()
    assert await viewer.hear() == messages.Link(printer=printer.id, online=False)


async def test_what_changed_in_the_database_is_told(house, live, bus):
    printer = house.printer()
    viewer = await house.viewer(live, [printer])
    await viewer.hear(messages.Link)
    changed = messages.Changed(printer=printer.id, what="jobs")
    await bus.publish(subjects.changed(printer.id), messages.encode(changed))
    assert await viewer.hear() == changed


async def test_pings_are_answered_on_both_sockets(house, live):
    bridge = await house.bridge(live, [])
    viewer = await house.viewer(live, [])
    for peer in (bridge, viewer):
        await peer.say(messages.Ping())
        assert await peer.hear() == messages.Pong()


async def test_a_bridge_learns_of_a_new_printer_and_loses_an_old_one(house, live, bus):
    old, new = house.printer(), house.printer()
    bridge = await house.bridge(live, [old])
    viewer = await house.viewer(live, [old, new])
    links = {(link := await viewer.hear()).printer: link.online for _ in range(2)}
    assert links == {old.id: True, new.id: False}
    await bridge.hear(messages.Watch)
    await bus.publish(subjects.printers(bridge.id), msgspec.json.encode([new]))
    assert await bridge.hear() == messages.Printers(printers=(new,))
    assert await bridge.hear() == messages.Watch(printer=new.id)
    assert [await viewer.hear() for _ in range(2)] == [
        messages.Link(printer=old.id, online=False),
        messages.Link(printer=new.id, online=True),
    ]
    await bridge.say(full(old))  # was on its way: no violation, and nobody gets it
    await bridge.say(full(new))
    assert await viewer.hear() == full(new)


async def test_a_slow_viewer_gets_the_newest_and_not_all(house, live):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    slow = await house.viewer(live, [printer])
    await slow.hear(messages.Link)
    await bridge.hear(messages.Watch)
    await bridge.say(full(printer))
    sent = 2000
    for layer in range(sent):  # 20 MB: more than the sockets between us hold
        await bridge.say(some(printer, layer=layer, message="x" * 10_000))
    heard, asked = 0, asyncio.create_task(bridge.hear(messages.Watch, within_s=20))

    def read():
        return asyncio.create_task(slow.hear(messages.Sample, within_s=20))

    reading = read()
    while not asked.done():  # all may have been read before the question arrives
        await asyncio.wait({asked, reading}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            assert not reading.result().full or heard == 0
            heard, reading = heard + 1, read()
    await asked
    await bridge.say(full(printer, layer=sent))
    while (sample := await reading) != full(printer, layer=sent):
        assert not sample.full
        heard, reading = heard + 1, read()
    assert heard < sent
