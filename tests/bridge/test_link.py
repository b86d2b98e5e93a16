import asyncio

import pytest

from glassbed.protocol.messages import (
    Connected,
    Fault,
    Outcome,
    Pause,
    PrintEnded,
    Printers,
    PrintStarted,
    Unwatch,
    Watch,
    Welcome,
)
from glassbed.protocol.reading import State

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("skew_s", [-8_000_000, 5 * 3600])
async def test_a_bridge_whose_clock_is_wrong_gets_its_ticket_and_judges_leases_by_the_servers_clock(
    server, printing_bridge_of_skewed_server, skew_s
):
    bridge = await printing_bridge_of_skewed_server(skew_s)
    in_time = await server.command(Pause(), bridge.printer, lease_s=5)
    late = await server.command(Pause(), bridge.printer, lease_s=-2)
    assert (await server.result(in_time)).outcome is Outcome.FAILED  # by the printer: nothing is printing
    assert "too late" in (await server.result(late)).reason
    assert server.ticket_requests == 2


@pytest.fixture
def printing_bridge_of_skewed_server(server, paired_bridge, new_printer, wait_until):
    async def start(skew_s):
        server.skew_s = skew_s
        printer = new_printer()
        server.printers = (printer,)
        await paired_bridge.start()
        await wait_until(lambda: server.links)
        paired_bridge.printer = printer.id
        return paired_bridge

    return start


async def test_the_bridge_comes_back_after_each_cut(server, line, printing_bridge, wait_until):
    for connections in (2, 3):
        line.cut()
        await wait_until(lambda: not server.links)
        line.heal()
        await wait_until(lambda expected=connections: server.connections == expected)


async def test_a_refused_ticket_is_followed_by_a_fresh_one(server, paired_bridge, wait_until):
    server.refuse_tickets = True
    await paired_bridge.start()
    await wait_until(lambda: server.ticket_requests >= 2)
    server.refuse_tickets = False
    await wait_until(lambda: server.links)


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (Welcome(server_time=1.0, printers=(), version=99), "different versions"),
        (Printers(printers=()), "welcome"),
    ],
)
async def test_a_server_that_greets_otherwise_is_left_and_asked_again(
    server, paired_bridge, home, wait_until, greeting, words
):
    server.greeting = greeting
    await paired_bridge.start()
    await wait_until(lambda: server.connections >= 2)
    await wait_until(lambda: words in (home.status().detail or ""))
    server.greeting = None
    await wait_until(lambda: home.status().state == "connected")


async def test_a_revoked_bridge_stops_looking_at_printers_and_says_so(
    server, paired_bridge, new_printer, home, new_bridge, wait_until
):
    server.acknowledges = False
    server.printers = (new_printer(),)
    await paired_bridge.start()
    await wait_until(lambda: server.events)
    server.revoked.add(paired_bridge.id)
    await server.links[-1].close(code=4403)
    await wait_until(lambda: home.status().state == "revoked")
    assert b"let go" in paired_bridge.output
    assert home.status().printers == 0
    asked = server.ticket_requests
    await asyncio.sleep(1.5)
    assert server.ticket_requests == asked
    status = new_bridge()
    await status.start("status")
    await status.wait()
    assert b"revoked" in status.output
    assert b"Waiting: 2 events" in status.output  # kept: connected, and disconnected at the end


async def test_a_bridge_that_was_replaced_does_not_fight_for_its_place(
    server, printing_bridge, home, wait_until
):
    await server.links[-1].close(code=4409)
    await wait_until(lambda: home.status().state == "away")
    await asyncio.sleep(2)
    assert server.connections == 1
    assert "copy" in home.status().detail


@pytest.mark.parametrize("frame", ["{}", "not json", '{"t":"watch","printer":"x"}', '{"t":"kept","id":1}'])
async def test_a_frame_that_is_no_message_ends_the_connection_and_the_bridge_comes_back(
    server, printing_bridge, wait_until, frame
):
    await server.say(frame)
    await wait_until(lambda: server.connections == 2)


async def test_nothing_is_sent_while_nobody_watches_and_no_history_is_kept(
    server, line, paired_bridge, new_printer, wait_until
):
    printer = new_printer(keep_history=False)
    server.printers = (printer,)
    await paired_bridge.start()
    await wait_until(lambda: server.links)
    order = server.job(b"G4 S60\n" * 10)
    command = await server.command(order, printer.id, expects=())
    assert (await server.result(command)).outcome is Outcome.ACCEPTED
    await wait_until(lambda: server.file_requests)
    await asyncio.sleep(0.5)
    server.frames.clear()
    before = line.up_bytes
    await asyncio.sleep(5)
    assert line.up_bytes == before
    assert server.frames == []
    await server.say(Watch(printer=printer.id))
    await wait_until(lambda: server.samples)
    assert server.samples[0].delta["state"] == State.PRINTING
    assert not server.events


async def test_a_viewer_gets_everything_once_and_then_only_what_changes(server, printing_bridge, wait_until):
    await server.say(Watch(printer=printing_bridge.printer))
    await wait_until(lambda: len(server.samples) >= 3)
    first, *others = server.samples
    assert first.full
    assert first.delta["bed_target_c"] == 0.0
    assert not any(sample.full or "bed_target_c" in sample.delta for sample in others)
    assert all(len(frame) <= 300 for frame in server.frames[1:] if '"sample"' in frame)
    await server.say(Unwatch(printer=printing_bridge.printer))
    await asyncio.sleep(0.6)
    count = len(server.samples)
    await asyncio.sleep(1.5)
    assert len(server.samples) == count


async def test_after_a_cut_nobody_watches_until_somebody_asks_again(
    server, line, printing_bridge, wait_until
):
    await server.say(Watch(printer=printing_bridge.printer))
    await wait_until(lambda: server.samples)
    line.cut()
    await wait_until(lambda: not server.links)
    line.heal()
    await wait_until(lambda: server.connections == 2)
    server.samples.clear()
    await asyncio.sleep(1.5)
    assert server.samples == []


async def test_a_printer_that_is_taken_away_is_let_go_with_its_key_and_its_events(
    server, printing_bridge, set_printers, home, wait_until
):
    server.acknowledges = False
    await set_printers()
    await wait_until(lambda: b"let go" in printing_bridge.output)
    await wait_until(lambda: not [path for path in (home.path / "outbox").iterdir() if len(path.name) > 20])
    assert not list((home.path / "courses").iterdir())


async def test_switching_history_off_withdraws_what_was_not_sent_yet(
    server, line, paired_bridge, new_printer, set_printers, home, wait_until
):
    server.acknowledges = False
    printer = new_printer()
    server.printers = (printer,)
    await paired_bridge.start()
    await wait_until(lambda: server.events)
    private = new_printer(id=printer.id, address=printer.address, keep_history=False)
    await set_printers(private)
    await wait_until(lambda: not [path for path in (home.path / "outbox").iterdir() if len(path.name) > 20])


async def test_a_fault_of_the_firmware_is_told_in_its_own_words(
    server, paired_bridge, new_printer, watch, wait_until, long_print
):
    printer = new_printer()
    printer = new_printer(id=printer.id, address=printer.address + "&fault_at=0.01")
    server.printers = (printer,)
    await paired_bridge.start()
    await wait_until(lambda: server.told(Connected))
    await server.command(server.job(long_print), printer.id)
    await wait_until(lambda: server.told(Fault))
    assert server.told(Fault)[0].message == "Heater extruder not heating at expected rate"
    await wait_until(lambda: server.told(PrintEnded))
    assert server.told(PrintEnded)[0].outcome == "failed"
    assert server.told(PrintEnded)[0].reason == server.told(Fault)[0].message
    assert len(server.told(PrintStarted)) == 1


async def test_logs_hold_no_file_name_and_no_address(server, printing_bridge, wait_until, short_print):
    await server.command(server.job(short_print, name="my-secret-part.gcode"), printing_bridge.printer)
    await wait_until(lambda: server.told(PrintEnded), 20)
    await printing_bridge.stop()
    assert printing_bridge.printer.encode() in printing_bridge.output
    assert b"secret" not in printing_bridge.output
    assert b"simulated://" not in printing_bridge.output
