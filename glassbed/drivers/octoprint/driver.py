"""The driver for OctoPrint: readings from its push socket, orders by its REST API."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

from glassbed.drivers.interface import (
    Capability,
    Driver,
    HostConflict,
    HostFault,
    HostRefused,
    HostUnreachable,
    Upload,
)
from glassbed.drivers.octoprint import wire
from glassbed.drivers.octoprint.rest import Rest, network_errors
from glassbed.drivers.octoprint.upload import send_and_print
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import Found, HostFacts
from glassbed.protocol.reading import BUSY, Reading, State

FRAME_LIMIT_BYTES = 4 * 1024 * 1024  # the first holds half an hour of temperatures
HEARTBEAT_S = 10  # a host that was unplugged is noticed within half as long again
DECISION_LIMIT_S = 300
POLL_EVERY_S = 1  # OctoPrint forgets a request that is not asked after for 5 s

_SUBSCRIPTION = {
    "state": {"logs": False, "messages": False},
    "events": list(wire.Follower.EVENTS),
    "plugins": False,
}
_THROTTLE = 1  # times 500 ms
_TOKEN = re.compile(r"[\w-]{8,200}", re.ASCII)


class OctoPrintDriver(Driver):
    name = "octoprint"
    title = "OctoPrint"
    capabilities = frozenset(Capability)
    can_ask_key = True
    mdns_type = "_octoprint._tcp.local."

    def __init__(self, address: str, key: str | None, session: aiohttp.ClientSession) -> None:
        super().__init__(address, key, session)
        self._rest = Rest(address, key, session)

    async def facts(self) -> HostFacts:
        version = await self._rest.get("/api/version")
        allowed = wire.permissions(await self._rest.get("/api/currentuser"))
        if allowed is None:
            raise HostRefused("OctoPrint knows nobody by this key. Enter a new one.")
        profiles = await self._if_allowed("/api/printerprofiles")
        return wire.host_facts(version, allowed, profiles, await self._if_allowed("/api/system/info"))

    async def _if_allowed(self, path: str) -> bytes | None:
        try:
            return await self._rest.get(path)
        except (HostRefused, HostFault):
            return None  # a key for printing only, or an OctoPrint that does not have it yet

    async def readings(self) -> AsyncIterator[Reading]:
        follower = wire.Follower()
        async with self._push_socket() as socket:
            logged_in_since_last = True
            while True:
                # A host whose printer is off says nothing for hours: then only the heartbeat tells.
                said = follower.feed(
                    await _next_frame(socket, self._rest.answer_limit_s if logged_in_since_last else None)
                )
                if isinstance(said, Reading):
                    logged_in_since_last = False
                    yield said
                elif said is wire.Push.LOGIN_WANTED:
                    if logged_in_since_last:
                        raise HostRefused("OctoPrint does not accept the session that it gave.")
                    logged_in_since_last = True
                    await self._log_in(socket)

    @asynccontextmanager
    async def _push_socket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with network_errors(), asyncio.timeout(self._rest.answer_limit_s):
            socket = await self.session.ws_connect(
                f"{self._rest.address}/sockjs/websocket",
                heartbeat=HEARTBEAT_S,
                max_msg_size=FRAME_LIMIT_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=1),
            )
        async with socket:
            await self._log_in(socket)
            yield socket

    async def _log_in(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        login = await self._rest.post("/api/login", {"passive": True})
        async with network_errors():
            await socket.send_str(json.dumps({"subscribe": _SUBSCRIPTION}))
            await socket.send_str(json.dumps({"throttle": _THROTTLE}))
            await socket.send_str(json.dumps({"auth": wire.socket_login(login)}))

    async def print(self, upload: Upload) -> None:
        state, words = await self._state()
        if state is not State.READY:
            raise HostConflict(words or f"The printer is {state}.")
        if not wire.was_started(await send_and_print(self._rest, upload)):
            raise HostConflict(
                "OctoPrint took the file, but did not start it: the printer was not ready any more."
            )

    async def pause(self) -> None:
        await self._rest.post("/api/job", {"command": "pause", "action": "pause"})

    async def resume(self) -> None:
        await self._rest.post("/api/job", {"command": "pause", "action": "resume"})

    async def cancel(self) -> None:
        await self._rest.post("/api/job", {"command": "cancel"})

    async def emergency_stop(self) -> None:
        await self._rest.post("/api/printer/command", {"command": "M112"})

    async def restart(self) -> None:
        """Reconnect the serial line, which resets most firmwares."""
        try:
            state, _ = await self._state()
        except HostConflict:  # not connected, or in error
            state = State.STARTING
        if state in BUSY:
            raise HostConflict("A print is under way. Cancel it first.")
        await self._rest.post("/api/connection", {"command": "disconnect"})
        await self._rest.post("/api/connection", {"command": "connect"})

    async def _state(self) -> tuple[State, str | None]:
        return wire.printer_state(await self._rest.get("/api/printer?exclude=temperature,sd")).meaning()

    async def ask_key(self) -> AsyncIterator[str]:
        token = wire.request_token(await self._rest.post("/plugin/appkeys/request", {"app": "Glassbed"}))
        if not _TOKEN.fullmatch(token):
            raise ProtocolViolation("a request token that is none")
        yield f"{self._rest.address}/plugin/appkeys/auth/{token}"
        yield await self._decision(token)

    async def _decision(self, token: str) -> str:
        try:
            async with asyncio.timeout(DECISION_LIMIT_S):
                while True:
                    status, answer = await self._rest.request(
                        "GET", f"/plugin/appkeys/request/{token}", limit_s=self._rest.answer_limit_s
                    )
                    if status == HTTPStatus.OK:
                        return wire.granted_key(answer)
                    await asyncio.sleep(POLL_EVERY_S)
        except TimeoutError as error:
            raise HostUnreachable("Nobody has decided in time. Ask again.") from error
        except HostFault as error:
            raise HostRefused("The person at OctoPrint said no.") from error

    @classmethod
    def announced(cls, name: str, host: str, port: int, properties: dict[str, str]) -> Found | None:
        prefix = properties.get("path", "/").rstrip("/")
        place = f"[{host}]" if ":" in host else host
        return Found(driver=cls.name, address=f"http://{place}:{port}{prefix}", name=name)


async def _next_frame(socket: aiohttp.ClientWebSocketResponse, limit_s: float | None) -> str:
    async with network_errors(), asyncio.timeout(limit_s):  # each pong would renew `receive`'s own limit
        message = await socket.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        return str(message.data)
    if message.type is aiohttp.WSMsgType.BINARY:
        raise ProtocolViolation("OctoPrint's push API sends text frames only")
    raise HostUnreachable("OctoPrint has closed the connection.")
