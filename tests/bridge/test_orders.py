"""Orders through the real bridge process to a printer."""

import asyncio

import pytest

from glassbed.protocol.messages import (
    AskKey,
    Bind,
    Cancel,
    Discover,
    EmergencyStop,
    Outcome,
    Pause,
    PrintEnded,
    PrintStarted,
    Restart,
    Resume,
    Unbind,
)
from glassbed.protocol.reading import State

pytestmark = pytest.mark.integration


@pytest.fixture
async def seen(server, printing_bridge, watch, wait_until):
    """What a viewer sees of the one printer, once it is ready; wait for a state with `seen.until`."""
    state = await watch(printing_bridge.printer)

    async def until(expected):
        await wait_until(lambda: state().get("state") == expected)

    state.until = until
    await until(State.READY)
    return state


async def order(server, printing_bridge, what, **lease):
    result = await server.result(await server.command(what, printing_bridge.printer, **lease))
    return result.outcome


async def test_a_print_is_paused_resumed_and_cancelled(server, printing_bridge, seen, wait_until, long_print):
    job = server.job(long_print, name="Schlüssel für Ada.gcode")
    assert await order(server, printing_bridge, job, expects=(State.READY,)) is Outcome.ACCEPTED
    await seen.until(State.PRINTING)
    assert (seen()["print_id"], seen()["file_name"]) == (job.print_id, "Schlüssel für Ada.gcode")
    assert await order(server, printing_bridge, Pause(), expects=(State.PRINTING,)) is Outcome.DONE
    await seen.until(State.PAUSED)
    assert await order(server, printing_bridge, Pause(), expects=(State.PRINTING,)) is Outcome.REFUSED
    assert await order(server, printing_bridge, Resume(), expects=(State.PAUSED,)) is Outcome.DONE
    await seen.until(State.PRINTING)
    assert await order(server, printing_bridge, Cancel()) is Outcome.DONE
    await wait_until(lambda: server.told(PrintEnded))
    assert server.told(PrintEnded)[0].outcome == "cancelled"
    await seen.until(State.READY)  # the event may come before the last sample
    assert seen().get("print_id") is None


async def test_after_an_emergency_stop_a_restart_makes_the_printer_ready(
    server, printing_bridge, seen, wait_until, long_print
):
    await order(server, printing_bridge, server.job(long_print))
    await seen.until(State.PRINTING)
    assert await order(server, printing_bridge, EmergencyStop()) is Outcome.DONE
    await seen.until(State.STOPPED)
    assert "Emergency stop" in seen()["message"]
    await wait_until(lambda: server.told(PrintEnded))
    assert server.told(PrintEnded)[0].outcome == "failed"
    assert await order(server, printing_bridge, Restart(), expects=(State.STOPPED,)) is Outcome.DONE
    await seen.until(State.READY)


async def test_an_emergency_stop_takes_back_a_file_on_its_way(
    server, printing_bridge, seen, wait_until, short_print
):
    server.slow_file = asyncio.Event()
    await order(server, printing_bridge, server.job(short_print))
    await seen.until(State.SENDING)
    assert await order(server, printing_bridge, EmergencyStop()) is Outcome.DONE
    await wait_until(lambda: server.told(PrintEnded))
    server.slow_file.set()
    assert server.told(PrintStarted) == []
    await seen.until(State.STOPPED)


async def test_a_second_print_is_refused_while_one_is_under_way(server, printing_bridge, seen, long_print):
    assert await order(server, printing_bridge, server.job(long_print)) is Outcome.ACCEPTED
    assert await order(server, printing_bridge, server.job(long_print)) is Outcome.REFUSED
    await seen.until(State.PRINTING)
    assert server.file_requests == 1


async def test_a_host_that_does_not_take_the_file_fails_the_print_in_its_words(
    server, printing_bridge, seen, wait_until, long_print
):
    await order(server, printing_bridge, EmergencyStop())
    await seen.until(State.STOPPED)
    assert await order(server, printing_bridge, server.job(long_print)) is Outcome.ACCEPTED
    await wait_until(lambda: server.told(PrintEnded))
    assert server.told(PrintEnded)[0].reason == "The printer is stopped; it can't start a print now."


async def test_a_bridge_stopped_while_a_file_is_on_its_way_says_so_when_it_is_back(
    server, printing_bridge, seen, wait_until, short_print
):
    server.slow_file = asyncio.Event()
    await order(server, printing_bridge, server.job(short_print))
    await seen.until(State.SENDING)
    assert await printing_bridge.stop() == 0
    assert server.told(PrintEnded) == []
    server.slow_file.set()
    await printing_bridge.start()
    await wait_until(lambda: server.told(PrintEnded))
    assert "restarted while" in server.told(PrintEnded)[0].reason


async def test_a_print_begun_at_the_printer_appears_under_an_id_of_its_own(
    server, paired_bridge, new_printer, wait_until, long_print
):
    """Two bindings of one machine: what is started through the first begins 'at the printer' for the second."""
    first = new_printer("shared")
    second = new_printer("shared")
    server.printers = (first, second)
    await paired_bridge.start()
    await wait_until(lambda: len(server.committed) == 2)
    job = server.job(long_print, name="begun.gcode")
    await server.command(job, first.id)
    await wait_until(lambda: len(server.told(PrintStarted)) == 2)
    own, other = sorted(server.told(PrintStarted), key=lambda told: told.at_printer)
    assert (own.print_id, own.at_printer) == (job.print_id, False)
    assert (other.file_name, other.at_printer) == ("begun.gcode", True)
    assert other.print_id != own.print_id


async def test_a_network_without_announcements_is_an_empty_answer(server, printing_bridge):
    command = await server.command(Discover())
    result = await server.result(command)
    assert (result.outcome, result.found) == (Outcome.DONE, ())


async def test_a_host_that_hands_out_no_keys_says_so(server, printing_bridge):
    command = await server.command(AskKey(driver="simulated", address="simulated://x"))
    result = await server.result(command)
    assert (result.outcome, "keys" in result.reason) == (Outcome.FAILED, True)


async def test_binding_again_and_unbinding(server, printing_bridge, seen, home, wait_until):
    printer = server.printers[0]
    assert await order(server, printing_bridge, Bind(printer=printer, key="k2")) is Outcome.DONE
    assert printer.id.encode() in (home.path / "hosts.json").read_bytes()
    assert await order(server, printing_bridge, Unbind()) is Outcome.DONE
    assert printer.id.encode() not in (home.path / "hosts.json").read_bytes()
    assert not (home.path / "courses" / printer.id).exists()
    assert await order(server, printing_bridge, Pause()) is Outcome.REFUSED
    assert await order(server, printing_bridge, Unbind()) is Outcome.DONE


async def test_a_printer_of_a_kind_this_bridge_does_not_know_harms_no_other(
    server, printing_bridge, seen, new_printer, set_printers, wait_until
):
    stranger = new_printer(driver="newer")
    await set_printers(*server.printers, stranger)
    await wait_until(lambda: b"no driver" in printing_bridge.output)
    assert await order(server, printing_bridge, Pause()) is Outcome.FAILED
    refused = await server.result(await server.command(Pause(), stranger.id))
    assert refused.outcome is Outcome.REFUSED
