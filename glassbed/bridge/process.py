"""Puts the running bridge together and keeps it running until it is told to stop."""

import asyncio
import logging
import signal
import time
from collections.abc import Mapping

import aiohttp

from glassbed.bridge.bindings import Binder
from glassbed.bridge.delivery import Delivery
from glassbed.bridge.dispatch import Dispatch
from glassbed.bridge.home import Home, Pairing, Status
from glassbed.bridge.identity import Identity
from glassbed.bridge.leases import Seen
from glassbed.bridge.link import Link
from glassbed.bridge.outbox import Outbox
from glassbed.bridge.records import Courses, HostKeys, PrinterList
from glassbed.bridge.server import Server
from glassbed.bridge.station import Outside
from glassbed.bridge.tls import trust
from glassbed.drivers.interface import Driver
from glassbed.protocol.clock import ServerClock

log = logging.getLogger(__name__)


async def run(home: Home, identity: Identity, pairing: Pairing, drivers: Mapping[str, type[Driver]]) -> None:
    """Run until SIGTERM or SIGINT, then leave cleanly."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _session() as to_server, _session() as to_hosts:
        clock = ServerClock()
        server = Server(
            pairing.server,
            pairing.bridge_id,
            identity=identity,
            clock=clock,
            session=to_server,
            trust=trust(pairing.ca_pem),
        )
        report = _Report(home)
        link = Link(server, clock, report)
        delivery = Delivery(Outbox(home.folder("outbox"), identity.seal("outbox")), link.send)
        records = identity.seal("records")
        outside = Outside(clock, to_hosts, Courses(home, records), link.send, delivery.keep)
        dispatch = Dispatch(
            outside=outside,
            delivery=delivery,
            seen=Seen(home),
            binder=Binder(drivers, HostKeys(home, identity.seal("hosts")), to_hosts),
            printer_list=PrinterList(home, records),
            open_file=server.file,
            drivers=drivers,
        )
        report.dispatch = dispatch
        await dispatch.start()
        await _until(stop, asyncio.create_task(link.run(dispatch)))
        await dispatch.close()
        report("stopped", None)


async def _until(stop: asyncio.Event, work: asyncio.Task[None]) -> None:
    """Let the work go on until the stop; pass on what broke it."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, work}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if work.done():
        work.result()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def _session() -> aiohttp.ClientSession:
    """No cookies: neither the server nor a printer's host may recognise the bridge by one."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())


class _Report:
    """Writes what `glassbed bridge status` shows."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.dispatch: Dispatch | None = None

    def __call__(self, state: str, detail: str | None) -> None:
        printers = self.dispatch.printers if self.dispatch else 0
        self._home.keep_status(Status(state=state, since=time.time(), detail=detail, printers=printers))
