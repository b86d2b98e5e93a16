"""Three real incidents, replayed through the real bridge process over a real cut."""

import asyncio
import uuid

import pytest

from glassbed.protocol.messages import (
    Bind,
    Cancel,
    EmergencyStop,
    Outcome,
    Pause,
    PrintEnded,
    PrintStarted,
    Watch,
)
from glassbed.protocol.reading import State

pytestmark = pytest.mark.integration


async def test_start_messages_repeated_after_a_reconnect_print_once(
    server, line, printing_bridge, watch, wait_until, short_print
):
    state = await watch(printing_bridge.printer)
    await wait_until(lambda: state().get("state") == State.READY)
    order = server.job(short_print)
    command = await server.command(order, printing_bridge.printer, expects=(State.READY,))
    assert (await server.result(command)).outcome is Outcome.ACCEPTED
    await wait_until(lambda: server.told(PrintStarted))
    line.cut()
    await asyncio.sleep(0.2)
    line.heal()
    await wait_until(lambda: server.connections == 2)
    for _ in range(3):
        await server.say(command)
    await wait_until(lambda: server.told(PrintEnded), 20)
    await server.say(command)
    again = await server.command(order, printing_bridge.printer)
    assert "started before" in (await server.result(again)).reason
    refused = [result for result in server.results if result.id == command.id][1:]
    await wait_until(lambda: len([r for r in server.results if r.id == command.id]) == 5)
    assert {result.outcome for result in refused} == {Outcome.REFUSED}
    assert server.file_requests == 1
    assert [told.print_id for told in server.told(PrintStarted)] == [order.print_id]
    assert [told.outcome for told in server.told(PrintEnded)] == ["completed"]


async def test_a_start_message_repeated_after_a_restart_of_the_bridge_prints_once(
    server, printing_bridge, wait_until, short_print, watch
):
    state = await watch(printing_bridge.printer)
    await wait_until(lambda: state().get("state") == State.READY)
    command = await server.command(server.job(short_print), printing_bridge.printer)
    await wait_until(lambda: server.told(PrintEnded), 20)
    await printing_bridge.kill()
    await printing_bridge.start()
    await wait_until(lambda: server.connections == 2)
    server.results.clear()
    await server.say(command)
    assert (await server.result(command)).outcome is Outcome.REFUSED
    assert server.file_requests == 1


async def test_a_valid_bridge_can_not_be_made_to_touch_a_printer_that_is_not_its_own(
    server, printing_bridge, watch, wait_until
):
    foreign = str(uuid.uuid4())
    await server.say(Watch(printer=foreign))
    for order in (Pause(), Cancel(), EmergencyStop()):
        command = await server.command(order, foreign)
        result = await server.result(command)
        assert result.outcome is Outcome.REFUSED
        assert "not bound" in result.reason
    state = await watch(printing_bridge.printer)
    await wait_until(lambda: state().get("state") == State.READY)
    assert {sample.printer for sample in server.samples} == {printing_bridge.printer}


async def test_a_host_key_is_never_sent_to_another_address_than_it_was_given_for(home, identity, new_printer):
    """Accounts were cross-linked once; a wrong link here must not carry the key of somebody's host along."""
    from glassbed.bridge.records import HostKeys

    keys = HostKeys(home, identity.seal("hosts"))
    printer = new_printer()
    keys.keep(printer, "the-secret")
    elsewhere = new_printer(id=printer.id, address="simulated://elsewhere")
    assert keys.get(printer) == "the-secret"
    assert keys.get(elsewhere) is None


async def test_bridges_on_one_public_address_see_their_own_printers_only(
    server, line, printing_bridge, new_bridge, new_printer, tmp_path, wait_until, watch
):
    """2021: printers were offered to whoever came from the same public address. Here only the key counts."""
    from glassbed.bridge.home import Home, Pairing
    from glassbed.bridge.identity import Identity

    other_home = Home(tmp_path / "other")
    other = str(uuid.uuid4())
    server.bridges[other] = Identity.load_or_make(other_home).public_key
    other_home.keep_pairing(Pairing(server=f"http://127.0.0.1:{line.port}", bridge_id=other))
    server.printers = ()
    await new_bridge(other_home.path).start()
    await wait_until(lambda: server.connections == 2)
    await server.say(Watch(printer=printing_bridge.printer))
    command = await server.command(Pause(), printing_bridge.printer)
    assert (await server.result(command)).outcome is Outcome.REFUSED
    assert not server.samples


@pytest.mark.parametrize("lease_s", [-0.5, -3600, 7200])
async def test_a_late_or_endless_lease_is_refused_by_the_real_bridge(server, printing_bridge, lease_s):
    command = await server.command(Pause(), printing_bridge.printer, lease_s=lease_s)
    assert (await server.result(command)).outcome is Outcome.REFUSED


async def test_binding_keeps_the_key_here_and_answers_with_the_facts(
    server, printing_bridge, new_printer, home
):
    printer = new_printer()
    command = await server.command(Bind(printer=printer, key="host-key-in-clear"))
    result = await server.result(command)
    assert result.outcome is Outcome.DONE
    assert result.facts.firmware == "Simulated Marlin 2.1"
    stored = b"".join(path.read_bytes() for path in home.path.rglob("*") if path.is_file())
    assert printer.id.encode() in stored
    assert b"host-key-in-clear" not in stored
    assert not any("host-key-in-clear" in frame for frame in server.frames)


async def test_a_printer_that_does_not_answer_is_not_bound(server, printing_bridge, new_printer):
    command = await server.command(Bind(printer=new_printer(address="simulated://off?answers=no")))
    result = await server.result(command)
    assert result.outcome is Outcome.FAILED
    assert "does not answer" in result.reason
