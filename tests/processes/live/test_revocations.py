"""What is taken away ends the flow at once."""

import time

import pytest

from glassbed.processes.live import Close
from glassbed.protocol import messages, subjects
from glassbed.protocol.ids import uuid7

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("what", ["access", "person", "session"])
async def test_a_revoked_viewer_is_sent_back_for_a_new_ticket_and_the_flow_ends(
    house, live, other_live, bus, what
):
    printer, person, session = house.printer(), str(uuid7()), f"session-{uuid7()}"
    bridge = await house.bridge(live, [printer])
    viewer = await house.viewer(other_live, [printer], person=person, session=session)
    await viewer.hear(messages.Link)
    await bridge.hear(messages.Watch)
    subject = {
        "access": subjects.access(printer.id),
        "person": subjects.person(person),
        "session": subjects.session(session),
    }[what]
    began = time.perf_counter()
    await bus.publish(subject)
    assert await viewer.hear() == messages.Again()
    assert await viewer.close_code() == Close.ASK_AGAIN
    assert await bridge.hear() == messages.Unwatch(printer=printer.id)
    assert time.perf_counter() - began < 1  # 2 to 10 ms on an idle machine


async def test_others_stay(house, live, bus):
    printer = house.printer()
    await house.bridge(live, [printer])
    viewer = await house.viewer(live, [printer])
    await viewer.hear(messages.Link)
    for subject in (
        subjects.access(str(uuid7())),
        subjects.person(str(uuid7())),
        subjects.session("another"),
        subjects.revoke(str(uuid7())),
    ):
        await bus.publish(subject)
    await viewer.hears_nothing()


async def test_a_revoked_bridge_is_closed_and_its_ticket_opens_nothing_more(house, live, other_live, bus):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    viewer = await house.viewer(other_live, [printer])
    await viewer.hear(messages.Link)
    began = time.perf_counter()
    await bus.publish(subjects.revoke(bridge.id))
    assert await bridge.close_code() == Close.REVOKED
    assert await viewer.hear(messages.Link) == messages.Link(printer=printer.id, online=False)
    assert time.perf_counter() - began < 1


async def test_a_ticket_issued_before_the_access_was_taken_does_not_open_a_socket_after_it(house, live, bus):
    printer = house.printer()
    issued_at = time.time()
    await house.bridge(live, [printer])  # the bus is connected
    await bus.publish(subjects.access(printer.id))
    await bus.flush()
    witness = await house.viewer(live, [printer], issued_at=issued_at)
    assert await witness.close_code() == Close.ASK_AGAIN
    fresh = await house.viewer(live, [printer])
    assert await fresh.hear() == messages.Link(printer=printer.id, online=True)


async def test_a_ticket_issued_before_live_was_there_does_not_open_a_socket(house, start_live, nats_server):
    issued_at = time.time()  # what was revoked since, this process has not heard
    restarted = start_live(nats_server)
    viewer = await house.viewer(restarted, [], issued_at=issued_at)
    assert await viewer.close_code() == Close.ASK_AGAIN


async def test_a_newer_connection_of_a_bridge_replaces_the_older_one(house, live, other_live):
    printer = house.printer()
    viewer = await house.viewer(live, [printer])
    older = await house.bridge(live, [printer])
    await older.hear(messages.Watch)
    newer = await house.bridge(other_live, [printer], bridge_id=older.id)
    assert await older.close_code() == Close.REPLACED
    assert await newer.hear() == messages.Watch(printer=printer.id)
    sample = messages.Sample(printer=printer.id, delta={"state": "ready"}, full=True)
    await newer.say(sample)
    assert await viewer.hear(messages.Sample) == sample
    await viewer.hears_nothing()  # no word that the older link went
