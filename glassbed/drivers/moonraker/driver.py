"""The driver for Moonraker: readings from its websocket, orders and files by HTTP."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from math import inf
from urllib.parse import quote

import aiohttp

from glassbed.drivers.http import ANSWER_LIMIT_S
from glassbed.drivers.interface import (
    Capability,
    Driver,
    HostConflict,
    HostFault,
    HostUnreachable,
    Upload,
)
from glassbed.drivers.moonraker import facts, wire
from glassbed.drivers.moonraker.conversation import Conversation
from glassbed.drivers.moonraker.readings import RUNNING
from glassbed.drivers.moonraker.rest import Rest, network_errors
from glassbed.drivers.moonraker.upload import send_and_print
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import Found, HostFacts
from glassbed.protocol.reading import Reading, State

FRAME_LIMIT_BYTES = 4 * 1024 * 1024
HEARTBEAT_S = 10  # a host that was unplugged is noticed within half as long again
ORDER_LIMIT_S = 10  # then Klipper is taken to be busy with something that it does first,
ORDER_END_S = 900  # for as long as this at the most
OUTCOME_LIMIT_S = 1.0  # Klipper reports its state four times a second
POLL_EVERY_S = 1.0  # while Klipper is away
READING_EVERY_S = 0.25


class MoonrakerDriver(Driver):
    name = "moonraker"
    title = "Moonraker (Klipper)"
    capabilities = frozenset(Capability)
    mdns_type = "_moonraker._tcp.local."

    def __init__(self, address: str, key: str | None, session: aiohttp.ClientSession) -> None:
        super().__init__(address, key, session)
        self._rest = Rest(address, key, session)
        self._under_way: State | None = None  # an order that the host has and has not carried out yet
        self._listening: Connection | None = None

    # -- facts

    async def facts(self) -> HostFacts:
        server = await self._server()
        printer, firmware = None, None
        with suppress(HostConflict):  # Klipper is not running
            printer = wire.result(await self._rest.get("/printer/info"), facts.PrinterInfo)
            firmware = facts.firmware(await self._rest.get("/printer/objects/query?mcu=mcu_version"))
        can = tuple(sorted(self.capabilities))
        return facts.host_facts(server, printer, firmware, await self._given_name(), can)

    async def _server(self) -> wire.ServerInfo:
        return wire.result(await self._rest.get("/server/info"), wire.ServerInfo)

    async def _given_name(self) -> str | None:
        for path in facts.NAME_PATHS:
            with suppress(HostFault):  # that front end is not used here
                return facts.given_name(await self._rest.get(path))
        return None

    # -- readings

    async def readings(self) -> AsyncIterator[Reading]:
        now = asyncio.get_running_loop().time
        async with self._connection() as connection:
            first_until, yield_at = now() + ANSWER_LIMIT_S, now()
            while True:
                await connection.take(yield_at - now())
                if connection.conversation.changed and now() >= yield_at:
                    for reading in self._told(connection.conversation):
                        await asyncio.sleep(max(0.0, yield_at - now()))
                        yield reading
                        first_until, yield_at = inf, now() + READING_EVERY_S
                elif now() > first_until:
                    raise HostUnreachable("Moonraker answers, but does not say how the printer is.")

    def _told(self, conversation: Conversation) -> list[Reading]:
        told = conversation.readings(self._under_way)
        if told[-1].state is not self._under_way:
            self._under_way = None  # done, or overtaken by something at the printer
        return told

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["Connection"]:
        await self._server()  # tells a wrong key or address, and follows no redirect
        async with network_errors(), asyncio.timeout(ANSWER_LIMIT_S):
            socket = await self.session.ws_connect(
                f"{self._rest.address}/websocket",
                heartbeat=HEARTBEAT_S,
                max_msg_size=FRAME_LIMIT_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=1),
            )
        async with socket:
            self._listening = connection = Connection(socket, Conversation(self.key))
            await connection.say(connection.conversation.opening())
            try:
                yield connection
            finally:
                self._listening = None

    # -- orders

    async def print(self, upload: Upload) -> None:
        if (await self._present()).print_stats.state in RUNNING:
            raise HostConflict("The printer is printing already.")
        answer = wire.parse(await send_and_print(self._rest, upload), wire.Uploaded)
        if not answer.print_started:
            await self._discard(answer)
            raise HostConflict("Moonraker took the file, but Klipper did not start it.")

    async def pause(self) -> None:
        await self._order("pause", State.PAUSING, {"printing"})

    async def resume(self) -> None:
        await self._order("resume", State.RESUMING, {"paused"})

    async def cancel(self) -> None:
        await self._order("cancel", State.CANCELLING, RUNNING)

    async def emergency_stop(self) -> None:
        await self._rest.post("/printer/emergency_stop")

    async def restart(self) -> None:
        await self._rest.post("/printer/firmware_restart")

    async def _order(self, order: str, transition: State, possible_in: Collection[str]) -> None:
        """Carry out an order; Klipper itself would say yes to each of them at any time."""
        if (await self._present()).print_stats.state not in possible_in:
            raise HostConflict(f"There is no print to {order}.")
        self._under_way = transition
        if self._listening:
            await self._listening.say([self._listening.conversation.nudge()])
        doing = asyncio.create_task(self._rest.post(f"/printer/print/{order}", limit_s=ORDER_END_S))
        doing.add_done_callback(self._order_ended)
        try:
            await asyncio.wait_for(asyncio.shield(doing), ORDER_LIMIT_S)
        except TimeoutError:
            await self._still_there(doing)

    async def _still_there(self, doing: asyncio.Task[bytes]) -> None:
        """Klipper has the order and finishes something first, such as heating; unless the host is gone."""
        try:
            await self._server()
        except BaseException:
            doing.cancel()
            raise

    def _order_ended(self, doing: asyncio.Task[bytes]) -> None:
        if doing.cancelled() or doing.exception():  # told to who still waits; later the state tells it
            self._under_way = None
        else:  # the readings show the outcome within a moment; until then they show the way to it
            asyncio.get_running_loop().call_later(OUTCOME_LIMIT_S, self._forget, self._under_way)

    def _forget(self, order: State | None) -> None:
        if self._under_way is order:
            self._under_way = None

    async def _present(self) -> wire.Status:
        """Ask how the printer is now. Raises `HostConflict` in Klipper's words when it is not ready."""
        body = await self._rest.get("/printer/objects/query?webhooks&print_stats")
        seen = wire.status(wire.result(body, wire.Subscribed).status)
        if seen.webhooks.state != "ready":
            words = wire.one_line(seen.webhooks.state_message)
            raise HostConflict(words or "Klipper, the program that drives the printer, is not ready.")
        return seen

    async def _discard(self, uploaded: wire.Uploaded) -> None:
        """Take away a file that was not started, also from Moonraker's queue, which might start it one day."""
        path = uploaded.item.path
        with suppress(HostConflict, HostFault):
            if uploaded.print_queued:
                queue = wire.result(await self._rest.get("/server/job_queue/status"), wire.Queue)
                ids = ",".join(job.job_id for job in queue.queued_jobs if job.filename == path)
                await self._rest.delete(f"/server/job_queue/job?job_ids={quote(ids)}")
            await self._rest.delete(f"/server/files/gcodes/{quote(path)}")

    @classmethod
    def announced(cls, name: str, host: str, port: int, properties: dict[str, str]) -> Found | None:
        prefix = properties.get("route_prefix", "").strip("/")
        address = f"http://{host}:{port}" + (f"/{prefix}" if prefix else "")
        instance = name.removesuffix(f".{cls.mdns_type}")  # "Moonraker @ voron"
        return Found(driver=cls.name, address=address, name=instance.rpartition(" @ ")[2])


class Connection:
    """An open websocket and what is said on it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, conversation: Conversation) -> None:
        self.conversation = conversation
        self._socket = socket
        self._now = asyncio.get_running_loop().time
        self._poll_at = self._now() + POLL_EVERY_S

    async def say(self, frames: list[str]) -> None:
        async with network_errors():
            for frame in frames:
                await self._socket.send_str(frame)

    async def take(self, wait_s: float) -> None:
        """Take in the next frame and say what it asks for. `wait_s` counts only while there is news to tell."""
        if not self.conversation.changed:
            wait_s = self._poll_at - self._now()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.01, wait_s)):  # each pong would renew `receive`'s own limit
                message = await self._socket.receive()
            await self.say(self.conversation.receive(_content(message)))
        if self._now() >= self._poll_at:
            self._poll_at = self._now() + POLL_EVERY_S
            await self.say(self.conversation.poll())


def _content(message: aiohttp.WSMessage) -> bytes | str:
    if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        content: bytes | str = message.data
        return content
    if isinstance(message.data, aiohttp.WebSocketError):
        raise ProtocolViolation(f"not a websocket's frame: {message.data}")
    raise HostUnreachable("Moonraker has closed the connection.")
