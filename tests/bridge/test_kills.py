"""Nothing is lost and nothing doubled, whenever the bridge is killed."""

import asyncio
import random
from pathlib import Path

import pytest

from glassbed.protocol.messages import Cancel, Connected, Outcome, PrintEnded, PrintStarted, TraceChunk
from glassbed.protocol.reading import State
from glassbed.protocol.trace import decode

pytestmark = pytest.mark.integration


async def test_events_of_a_time_without_server_arrive_once_and_in_order_after_a_kill(
    server, line, printing_bridge, wait_until, home, short_print, watch
):
    state = await watch(printing_bridge.printer)
    await wait_until(lambda: state().get("state") == State.READY)
    await wait_until(lambda: server.told(Connected))
    server.acknowledges = False
    command = await server.command(server.job(short_print), printing_bridge.printer)
    assert (await server.result(command)).outcome is Outcome.ACCEPTED
    await wait_until(lambda: len(server.events) >= 2)
    line.cut()
    await wait_until(lambda: len([name for name in names(home) if "-e-" in name]) == 2, 20)
    unconfirmed = set(waiting(home))
    await printing_bridge.kill()
    assert set(waiting(home)) == unconfirmed
    server.acknowledges = True
    line.heal()
    await printing_bridge.start()
    await wait_until(lambda: server.told(PrintEnded))
    await wait_until(lambda: not waiting(home) or set(waiting(home)).isdisjoint(unconfirmed))
    assert unconfirmed <= set(server.committed)
    assert len(server.told(PrintStarted)) == len(server.told(PrintEnded)) == 1
    order = [type(event.what).__name__ for event in server.committed.values()]
    assert order.index("PrintStarted") < order.index("PrintEnded")


async def test_kills_at_random_moments_leave_one_start_and_one_end_of_each_print(
    server, line, printing_bridge, wait_until, watch, short_print
):
    chance = random.Random(4)
    orders = []
    for _ in range(4):
        state = await watch(printing_bridge.printer)
        await wait_until(lambda state=state: state().get("state") == State.READY)
        order = server.job(short_print)
        command = await server.command(order, printing_bridge.printer)
        assert (await server.result(command)).outcome is Outcome.ACCEPTED
        orders.append(order.print_id)
        await asyncio.sleep(chance.uniform(0, 0.8))
        await printing_bridge.kill()
        server.samples.clear()
        before = server.connections
        await printing_bridge.start()
        await wait_until(lambda before=before: server.connections > before)
        ended = len(orders)
        await wait_until(lambda ended=ended: len(server.told(PrintEnded)) == ended)
    assert [told.print_id for told in server.told(PrintEnded)] == orders
    started = [told.print_id for told in server.told(PrintStarted)]
    assert len(started) == len(set(started))
    assert set(started) <= set(orders)


async def test_a_clean_stop_keeps_what_was_not_confirmed(server, printing_bridge, wait_until, home):
    await wait_until(lambda: server.told(Connected) and kinds(home) == [])  # the bridge has heard the answer
    server.acknowledges = False
    assert await printing_bridge.stop() == 0
    assert kinds(home) == ["Disconnected"]
    server.acknowledges = True
    await printing_bridge.start()
    await wait_until(lambda: len(server.committed) == 3)


async def test_the_trace_of_a_print_arrives_in_minutes(server, paired_bridge, new_printer, wait_until, home):
    printer = new_printer(speed=1)
    server.printers = (printer,)
    await paired_bridge.start()
    await wait_until(lambda: server.told(Connected))
    await server.command(server.job(b"M104 S200\nG4 S4\n"), printer.id)
    await wait_until(lambda: server.told(PrintEnded), 20)
    (chunk,) = server.told(TraceChunk)
    samples = decode(chunk.samples)
    assert chunk.minute == 0
    assert 3 <= len(samples) <= 8
    assert 200 in [sample.nozzle_target_c for sample in samples]
    assert samples[-1].nozzle_c > 25


async def test_no_trace_is_kept_where_it_is_not_wanted(server, paired_bridge, new_printer, wait_until):
    printer = new_printer(speed=1, keep_trace=False)
    server.printers = (printer,)
    await paired_bridge.start()
    await wait_until(lambda: server.told(Connected))
    await server.command(server.job(b"G4 S3\n"), printer.id)
    await wait_until(lambda: server.told(PrintEnded), 20)
    assert server.told(TraceChunk) == []


async def test_a_file_that_was_damaged_on_its_way_is_not_printed_and_the_page_says_why(
    server, printing_bridge, watch, wait_until, short_print
):
    await wait_until(lambda: server.told(Connected))
    order = server.job(short_print, sha256="0" * 64)
    await server.command(order, printing_bridge.printer)
    await wait_until(lambda: server.told(PrintEnded))
    assert server.told(PrintStarted) == []
    assert server.told(PrintEnded)[0].outcome == "failed"
    assert "damaged" in server.told(PrintEnded)[0].reason
    state = await watch(printing_bridge.printer)
    await wait_until(lambda: "damaged" in (state().get("message") or ""))
    assert state()["state"] == State.READY


async def test_a_print_can_be_cancelled_while_its_file_is_on_the_way(
    server, printing_bridge, watch, wait_until, short_print
):
    server.slow_file = asyncio.Event()
    state = await watch(printing_bridge.printer)
    await wait_until(lambda: state().get("state") == State.READY)
    order = server.job(short_print)
    await server.command(order, printing_bridge.printer)
    await wait_until(lambda: state().get("state") == State.SENDING)
    await wait_until(lambda: (state().get("transfer_ratio") or 0) > 0.4)
    assert state()["print_id"] == order.print_id
    await server.command(Cancel(), printing_bridge.printer, expects=(State.SENDING,))
    await wait_until(lambda: server.told(PrintEnded))
    server.slow_file.set()
    await wait_until(lambda: state().get("state") == State.READY)
    assert server.told(PrintEnded)[0].outcome == "cancelled"
    assert server.told(PrintStarted) == []


async def test_a_cut_while_the_file_is_on_its_way_fails_the_print_in_words(
    server, line, printing_bridge, watch, wait_until, short_print
):
    server.slow_file = asyncio.Event()
    state = await watch(printing_bridge.printer)
    await wait_until(lambda: state().get("state") == State.READY)
    await server.command(server.job(short_print), printing_bridge.printer)
    await wait_until(lambda: (state().get("transfer_ratio") or 0) > 0.4)
    line.cut()
    await asyncio.sleep(0.3)
    line.heal()
    server.slow_file.set()
    await wait_until(lambda: server.told(PrintEnded))
    assert "could not be fetched" in server.told(PrintEnded)[0].reason


async def test_ten_printers_take_at_most_60_mb(
    server, paired_bridge, new_printer, wait_until, long_print, watch
):
    paired_bridge.program = ("-m", "glassbed.bridge")  # with every driver there is
    printers = tuple(new_printer() for _ in range(10))
    server.printers = printers
    await paired_bridge.start()
    await wait_until(lambda: len(server.told(Connected)) == 10)
    for printer in printers:
        await watch(printer.id)
        await server.command(server.job(long_print), printer.id)
    await wait_until(lambda: len(server.told(PrintStarted)) == 10)
    await asyncio.sleep(3)
    rss = rss_mb(paired_bridge.process.pid)
    assert rss <= 60, f"{rss:.1f} MB"


def rss_mb(pid):
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def waiting(home):
    """Ids of the events in the outbox, oldest first."""
    return [name[-36:] for name in names(home)]


def names(home):
    entries = (path.name for path in (home.path / "outbox").iterdir() if path.suffix != ".new")
    return sorted(name for name in entries if name[:12].isdigit())


def kinds(home):
    """What waits in the outbox of a stopped bridge, read as only its own key can."""
    from glassbed.bridge.identity import Identity
    from glassbed.bridge.outbox import Outbox

    outbox = Outbox(home.folder("outbox"), Identity.load(home).seal("outbox"))
    return [type(event.what).__name__ for id_ in outbox.oldest(100) if (event := outbox.get(id_))]
