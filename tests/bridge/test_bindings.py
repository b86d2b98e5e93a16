import asyncio
import uuid

import pytest

from glassbed.bridge.bindings import Binder
from glassbed.bridge.records import HostKeys
from glassbed.drivers.interface import HostRefused, HostUnreachable
from glassbed.drivers.simulated.driver import SimulatedDriver
from glassbed.protocol.messages import AskKey, Bind, HostFacts, Outcome


class LockedDriver(SimulatedDriver):
    """A host with a key, whose owner answers when `granted` is set."""

    name = "locked"
    needs_key = True
    can_ask_key = True
    granted: asyncio.Future

    async def facts(self):
        if self.key != "right":
            raise HostRefused("The key is wrong.")
        return HostFacts(software="locked")

    async def ask_key(self):
        yield f"{self.address}/approve"
        yield await asyncio.shield(self.granted)


@pytest.fixture
async def binder(home, identity):
    LockedDriver.granted = asyncio.get_running_loop().create_future()
    made = Binder({"locked": LockedDriver}, HostKeys(home, identity.seal("hosts")), None)
    yield made
    await made.close()


@pytest.fixture
def printer(new_printer):
    return new_printer(driver="locked", address="http://printer")


async def test_a_wrong_key_is_not_kept(binder, printer, home):
    result = await binder.bind("c", Bind(printer=printer, key="wrong"))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "The key is wrong.")
    assert binder.driver(printer).key is None
    assert not (home.path / "hosts.json").exists()


async def test_a_right_key_is_kept_and_used_again_for_a_bind_without_one(binder, printer):
    result = await binder.bind("c", Bind(printer=printer, key="right"))
    assert (result.outcome, result.facts.software) == (Outcome.DONE, "locked")
    assert binder.driver(printer).key == "right"
    assert (await binder.bind("c", Bind(printer=printer))).outcome is Outcome.DONE
    binder.forget(printer.id)
    assert binder.driver(printer).key is None


async def test_a_key_granted_at_the_host_serves_the_next_bind_and_never_leaves(binder, printer, wait_until):
    ask = AskKey(driver="locked", address="http://printer")
    asked = await binder.ask_key("c", ask)
    assert (asked.outcome, asked.key) == (Outcome.ACCEPTED, "http://printer/approve")
    early = await binder.bind("c", Bind(printer=printer))
    assert "granted" in early.reason
    LockedDriver.granted.set_result("right")
    await wait_until(lambda: not binder._asking)
    result = await binder.bind("c", Bind(printer=printer))
    assert result.outcome is Outcome.DONE
    assert result.key is None
    assert binder.driver(printer).key == "right"


async def test_a_second_question_replaces_the_first(binder):
    ask = AskKey(driver="locked", address="http://printer")
    assert (await binder.ask_key("c", ask)).outcome is Outcome.ACCEPTED
    assert (await binder.ask_key("c", ask)).outcome is Outcome.ACCEPTED
    assert len(binder._asking) == 1


async def test_a_refusal_at_the_host_leaves_no_key(binder, printer, wait_until):
    await binder.ask_key("c", AskKey(driver="locked", address="http://printer"))
    LockedDriver.granted.set_exception(HostRefused("no"))
    await wait_until(lambda: not binder._asking)
    assert (await binder.bind("c", Bind(printer=printer))).outcome is Outcome.FAILED


async def test_a_host_that_does_not_answer_the_question_is_told_in_words(home, identity):
    class Silent(LockedDriver):
        async def ask_key(self):
            raise HostUnreachable
            yield ""

    binder = Binder({"silent": Silent}, HostKeys(home, identity.seal("hosts")), None)
    result = await binder.ask_key("c", AskKey(driver="silent", address="x"))
    assert (result.outcome, "does not answer" in result.reason) == (Outcome.FAILED, True)


async def test_a_kind_this_bridge_does_not_know_is_told_in_words(binder, new_printer):
    printer = new_printer(driver="newer")
    assert binder.driver(printer) is None
    for result in (
        await binder.bind("c", Bind(printer=printer)),
        await binder.ask_key("c", AskKey(driver="newer", address="x")),
    ):
        assert (result.outcome, "Update the bridge" in result.reason) == (Outcome.FAILED, True)


async def test_a_key_bound_a_moment_ago_survives_a_list_that_does_not_name_it_yet(
    binder, new_printer, printer
):
    await binder.bind("c", Bind(printer=printer, key="right"))
    binder.forget_except({str(uuid.uuid4())})
    assert binder.driver(printer).key == "right"
