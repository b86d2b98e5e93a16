"""Commands go to the bridge and their results come back; every end that is no result is said in words."""

import asyncio
import time

import msgspec
import nats.errors
import pytest

from glassbed.processes.live.bridges import COMMANDS_IN_FLIGHT_MAX, EVENTS_IN_FLIGHT_MAX
from glassbed.protocol import messages, subjects
from glassbed.protocol.ids import uuid7

pytestmark = pytest.mark.integration


def a_command(order=None, **changes):
    now = time.time()
    return messages.Command(
        **{"id": str(uuid7()), "order": order or messages.Pause(), "issued_at": now, "expires_at": now + 5}
        | changes
    )


async def order(bus, bridge, command, within_s=5):
    reply = await bus.request(subjects.command(bridge.id), messages.encode(command), timeout=within_s)
    return msgspec.json.decode(reply.data, type=messages.Result)


async def test_a_command_reaches_the_bridge_and_its_result_comes_back(house, live, bus):
    bridge = await house.bridge(live, [])
    command = a_command(expects=("printing",))
    asking = asyncio.create_task(order(bus, bridge, command))
    assert await bridge.hear() == command
    result = messages.Result(id=command.id, outcome=messages.Outcome.DONE)
    await bridge.say(messages.Result(id=str(uuid7()), outcome=messages.Outcome.FAILED))  # of nobody's
    await bridge.say(result)
    assert await asking == result


async def test_commands_do_not_wait_for_each_other(house, live, bus):
    bridge = await house.bridge(live, [])
    commands = [a_command() for _ in range(3)]
    asking = [asyncio.create_task(order(bus, bridge, command)) for command in commands]
    arrived = [await bridge.hear() for _ in commands]
    for command in reversed(arrived):
        await bridge.say(messages.Result(id=command.id, outcome=messages.Outcome.DONE))
    assert [result.id for result in await asyncio.gather(*asking)] == [command.id for command in commands]


async def test_a_command_that_is_under_way_is_not_given_twice(house, live, bus):
    bridge = await house.bridge(live, [])
    command = a_command()
    asking = asyncio.create_task(order(bus, bridge, command))
    await bridge.hear(messages.Command)
    again = await order(bus, bridge, command)
    assert (again.outcome, "busy" in again.reason) == (messages.Outcome.FAILED, True)
    await bridge.say(messages.Result(id=command.id, outcome=messages.Outcome.DONE))
    assert (await asking).outcome is messages.Outcome.DONE
    await bridge.say(messages.Ping())
    assert await bridge.hear() == messages.Pong()  # and not the command once more


async def test_a_bridge_that_answers_nothing_gets_no_endless_row_of_commands(house, live, bus):
    bridge = await house.bridge(live, [])
    commands = [a_command() for _ in range(COMMANDS_IN_FLIGHT_MAX)]
    asking = [asyncio.create_task(order(bus, bridge, command)) for command in commands]
    assert {(await bridge.hear()).id for _ in commands} == {command.id for command in commands}
    refused = await order(bus, bridge, a_command())
    assert (refused.outcome, "busy" in refused.reason) == (messages.Outcome.FAILED, True)
    for command in commands:
        await bridge.say(messages.Result(id=command.id, outcome=messages.Outcome.DONE))
    assert {result.outcome for result in await asyncio.gather(*asking)} == {messages.Outcome.DONE}
    late = a_command()
    asking = asyncio.create_task(order(bus, bridge, late))
    assert await bridge.hear() == late  # there is room again
    await bridge.say(messages.Result(id=late.id, outcome=messages.Outcome.DONE))
    await asking


async def test_no_more_events_wait_at_the_recorder_than_are_allowed_and_the_rest_may_come_again(
    house, live, bus
):
    waiting = asyncio.Queue()
    recorder = await bus.subscribe(subjects.RECORD_EVENT, queue=subjects.RECORDERS, cb=waiting.put)
    await bus.flush()
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    fault = messages.Fault(at=1.0, message="")
    events = [
        messages.Event(id=str(uuid7()), printer=printer.id, what=fault)
        for _ in range(EVENTS_IN_FLIGHT_MAX + 1)
    ]
    for event in events:
        await bridge.say(event)
    async with asyncio.timeout(5):
        asked = [await waiting.get() for _ in events[1:]]
    await bridge.say(messages.Ping())
    assert await bridge.hear() == messages.Pong()
    await bus.flush()
    assert waiting.empty()
    for message in asked:
        event = msgspec.json.decode(message.data, type=subjects.ToRecord).event
        await message.respond(messages.encode(messages.Kept(id=event.id)))
    kept = {(await bridge.hear(messages.Kept)).id for _ in asked}
    assert kept == {event.id for event in events[:-1]}
    await bridge.say(events[-1])  # as a bridge does with what was not answered
    async with asyncio.timeout(5):
        await (await waiting.get()).respond(messages.encode(messages.Kept(id=events[-1].id)))
    assert (await bridge.hear()).id == events[-1].id
    await recorder.unsubscribe()


async def test_no_bridge_is_told_at_once(bus, live):
    with pytest.raises(nats.errors.NoRespondersError):
        await bus.request(subjects.command(str(uuid7())), messages.encode(a_command()), timeout=5)


async def test_a_cut_link_fails_the_command_under_way(house, live, bus):
    bridge = await house.bridge(live, [])
    asking = asyncio.create_task(order(bus, bridge, a_command()))
    await bridge.hear(messages.Command)
    await bridge.ws.close()
    result = await asking
    assert (result.outcome, "cut" in result.reason) == (messages.Outcome.FAILED, True)


async def test_an_event_is_answered_in_the_recorders_words_and_not_without_them(house, live, bus):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    event = messages.Event(
        id=str(uuid7()), printer=printer.id, what=messages.Fault(at=1.0, message="Thermal runaway")
    )
    await bridge.say(event)
    await bridge.hears_nothing()  # no recorder is there

    async def record(message):
        heard.append(msgspec.json.decode(message.data, type=subjects.ToRecord))
        await message.respond(messages.encode(answers.pop(0)))

    heard = []
    answers = [messages.Kept(id=event.id), messages.Dropped(id=event.id, reason="History is off.")]
    said = list(answers)
    await bus.subscribe(subjects.RECORD_EVENT, queue=subjects.RECORDERS, cb=record)
    await bus.flush()
    for answer in said:
        await bridge.say(event)
        assert await bridge.hear() == answer
    assert heard == [subjects.ToRecord(bridge=bridge.id, event=event)] * 2


async def test_an_event_of_anothers_printer_is_dropped_without_asking(house, live, bus):
    recorder = await bus.subscribe(subjects.RECORD_EVENT)
    await bus.flush()
    bridge = await house.bridge(live, [])
    fault = messages.Fault(at=1.0, message="")
    event = messages.Event(id=str(uuid7()), printer=house.printer().id, what=fault)
    await bridge.say(event)
    assert (await bridge.hear(messages.Dropped)).id == event.id
    assert recorder.pending_msgs == 0


async def test_events_and_samples_of_a_printer_that_is_being_bound_wait_for_the_list(house, live, bus):
    printer = house.printer()
    bridge = await house.bridge(live, [])
    command = a_command(messages.Bind(printer=printer))
    asking = asyncio.create_task(order(bus, bridge, command))
    await bridge.hear(messages.Command)
    event = messages.Event(id=str(uuid7()), printer=printer.id, what=messages.Fault(at=1.0, message=""))
    await bridge.say(event)
    await bridge.say(messages.Sample(printer=printer.id, delta={"state": "ready"}))
    await bridge.hears_nothing()
    await bridge.say(messages.Result(id=command.id, outcome=messages.Outcome.FAILED))
    await asking
    await bridge.say(event)
    assert (await bridge.hear(messages.Dropped)).id == event.id
