import asyncio
import time
import uuid

import pytest

from glassbed.bridge import dispatch as dispatch_module
from glassbed.bridge.bindings import Binder
from glassbed.bridge.delivery import Delivery
from glassbed.bridge.dispatch import Dispatch
from glassbed.bridge.leases import Seen
from glassbed.bridge.outbox import Outbox
from glassbed.bridge.records import Courses, HostKeys, PrinterList
from glassbed.bridge.station import Outside
from glassbed.drivers.simulated.driver import SimulatedDriver
from glassbed.protocol.clock import ServerClock
from glassbed.protocol.messages import (
    Bind,
    Command,
    HostFacts,
    Outcome,
    Pause,
    Result,
    Sample,
    Watch,
    Welcome,
)


class BrokenDriver(SimulatedDriver):
    """A driver with a mistake in it."""

    async def facts(self):
        raise ZeroDivisionError

    async def pause(self):
        raise ZeroDivisionError


class BoastfulDriver(SimulatedDriver):
    async def facts(self):
        return HostFacts(firmware="x" * 5000)


class Line:
    """The link, up or down."""

    def __init__(self):
        self.is_up = False
        self.sent = []

    async def send(self, message):
        if self.is_up:
            self.sent.append(message)
        return self.is_up

    def results(self):
        return [message for message in self.sent if isinstance(message, Result)]


@pytest.fixture
def line():
    return Line()


@pytest.fixture
async def dispatch(home, identity, line):
    drivers = {"simulated": SimulatedDriver, "broken": BrokenDriver, "boastful": BoastfulDriver}
    delivery = Delivery(Outbox(home.folder("outbox"), identity.seal("outbox")), line.send)
    outside = Outside(ServerClock(), None, Courses(home, identity.seal("r")), line.send, delivery.keep)
    made = Dispatch(
        outside=outside,
        delivery=delivery,
        seen=Seen(home),
        binder=Binder(drivers, HostKeys(home, identity.seal("h")), None),
        printer_list=PrinterList(home, identity.seal("r")),
        open_file=None,
        drivers=drivers,
    )
    yield made
    await made.close()


def lease(order, printer=None):
    now = time.time()
    return Command(id=str(uuid.uuid4()), order=order, printer=printer, issued_at=now, expires_at=now + 20)


async def test_an_answer_that_a_cut_held_up_is_given_on_the_next_link(
    dispatch, line, new_printer, wait_until
):
    command = lease(Bind(printer=new_printer()))
    await dispatch.receive(command)
    await wait_until(lambda: dispatch._unsent)
    assert line.sent == []
    line.is_up = True
    await dispatch.linked(Welcome(server_time=0, printers=()))
    assert [(result.id, result.outcome) for result in line.results()] == [(command.id, Outcome.DONE)]


async def test_a_mistake_in_one_driver_harms_no_other_printer(
    dispatch, line, new_printer, wait_until, monkeypatch, caplog
):
    monkeypatch.setattr(dispatch_module, "_STATION_PAUSE_S", 0.1)
    line.is_up = True
    broken, whole = new_printer(driver="broken", keep_history=False), new_printer(keep_history=False)
    await dispatch.linked(Welcome(server_time=0, printers=(broken, whole)))
    await wait_until(lambda: caplog.text.count("broke, goes on") >= 2)
    await dispatch.receive(Watch(printer=whole.id))
    await wait_until(lambda: any(isinstance(message, Sample) for message in line.sent))
    command = lease(Pause(), broken.id)
    await dispatch.receive(command)
    await wait_until(line.results)
    assert (line.results()[0].outcome, "log" in line.results()[0].reason) == (Outcome.FAILED, True)


async def test_an_answer_that_the_server_could_not_read_is_not_sent(dispatch, line, new_printer, wait_until):
    line.is_up = True
    await dispatch.receive(lease(Bind(printer=new_printer(driver="boastful"))))
    await wait_until(line.results)
    assert line.results()[0].outcome is Outcome.FAILED
    assert line.results()[0].facts is None


async def test_the_printers_known_from_before_are_looked_after_without_the_server(
    dispatch, home, identity, new_printer, wait_until
):
    PrinterList(home, identity.seal("r")).save((new_printer(), new_printer()))
    await dispatch.start()
    assert dispatch.printers == 2
    await wait_until(lambda: len([p for p in (home.path / "outbox").iterdir() if len(p.name) > 80]) == 2)


async def test_a_printer_at_another_address_is_another_host(dispatch, line, new_printer):
    line.is_up = True
    printer = new_printer()
    await dispatch.linked(Welcome(server_time=0, printers=(printer,)))
    before = dispatch._posts[printer.id].station
    await dispatch.receive(Welcome(server_time=0, printers=(printer,)))
    assert dispatch._posts[printer.id].station is before
    moved = new_printer("elsewhere", id=printer.id)
    await dispatch.receive(Welcome(server_time=0, printers=(moved,)))
    assert dispatch._posts[printer.id].station is not before


async def test_events_are_sent_again_until_they_are_kept(home, identity, monkeypatch, wait_until):
    from glassbed.bridge import delivery as delivery_module
    from glassbed.protocol.messages import Event, Fault

    monkeypatch.setattr(delivery_module, "RESEND_AFTER_S", 0.1)
    line = Line()
    line.is_up = True
    delivery = Delivery(Outbox(home.folder("outbox"), identity.seal("outbox")), line.send)
    event = Event(id=str(uuid.uuid4()), printer=str(uuid.uuid4()), what=Fault(at=1.0, message="hot"))
    await delivery.keep(event)
    task = asyncio.create_task(delivery.run())
    await wait_until(lambda: len(line.sent) >= 3)
    await delivery.settle(event.id)
    count = len(line.sent)
    await asyncio.sleep(0.4)
    task.cancel()
    assert len(line.sent) == count
    assert {message.id for message in line.sent} == {event.id}


async def test_no_more_than_a_window_is_on_its_way_at_once(home, identity, wait_until):
    from glassbed.bridge.delivery import WINDOW
    from glassbed.protocol.messages import Event, Fault

    line = Line()
    line.is_up = True
    delivery = Delivery(Outbox(home.folder("outbox"), identity.seal("outbox")), line.send)
    events = [
        Event(id=str(uuid.uuid4()), printer=str(uuid.uuid4()), what=Fault(at=float(n), message="hot"))
        for n in range(WINDOW + 5)
    ]
    for event in events:
        await delivery.keep(event)
    task = asyncio.create_task(delivery.run())
    await wait_until(lambda: len(line.sent) == WINDOW)
    await asyncio.sleep(0.2)
    assert line.sent == events[:WINDOW]
    for event in events[:WINDOW]:
        await delivery.settle(event.id)
    await wait_until(lambda: line.sent == events)
    task.cancel()
