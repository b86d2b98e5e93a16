"""The one connection to the server: dials out, proves itself, comes back after every cut."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import Protocol

import aiohttp

from glassbed.bridge.server import Revoked, Server
from glassbed.protocol.clock import ServerClock
from glassbed.protocol.errors import GlassbedError, ProtocolViolation, Unavailable
from glassbed.protocol.messages import (
    VERSION,
    Hello,
    Message,
    Ping,
    Pong,
    Welcome,
    decode_from_server,
    encode,
)

log = logging.getLogger(__name__)

SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
REVOKED_WAIT_S = 300.0
REPLACED_WAIT_S = 60.0  # two bridges with one key must not throw each other out all the time
_WELCOME_TIMEOUT_S = 15.0
_STEADY_S = 5.0
PING_EVERY_S, SILENCE_LIMIT_S = 20.0, 60.0

BAD_TICKET, REVOKED, REPLACED = 4401, 4403, 4409

_CONNECTION_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)


class Receiver(Protocol):
    """Who is told of the link's comings and goings."""

    async def linked(self, welcome: Welcome) -> None: ...
    async def unlinked(self) -> None: ...
    async def revoked(self) -> None: ...
    async def receive(self, message: object) -> None: ...


class Link:
    """Stays connected to one server until cancelled."""

    def __init__(self, server: Server, clock: ServerClock, say: Callable[[str, str | None], None]) -> None:
        self._server = server
        self._clock = clock
        self._say = say
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def send(self, message: Message) -> bool:
        """Send a frame; false if the link is down. Waits while the line is slower than what is said."""
        socket = self._socket
        if socket is None or socket.closed:
            return False
        try:
            await socket.send_frame(encode(message), aiohttp.WSMsgType.TEXT)
        except _CONNECTION_ERRORS:
            return False
        return True

    async def run(self, receiver: Receiver) -> None:
        wait_s = SHORTEST_WAIT_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                self._say("connecting", None)
                close_code = await self._stay(receiver)
                pause_s = REPLACED_WAIT_S if close_code == REPLACED else 0.0
                self._say("away", _REASONS.get(close_code or 0, "The connection was lost."))
                log.info("link: closed (%s)", close_code)
            except Revoked as error:
                await receiver.revoked()
                self._say("revoked", str(error))
                log.warning("link: the server does not know this bridge any more")
                pause_s = REVOKED_WAIT_S
            except (GlassbedError, *_CONNECTION_ERRORS) as error:
                self._say("away", str(error) if isinstance(error, GlassbedError) else type(error).__name__)
                log.info("link: no connection (%s)", type(error).__name__)
                pause_s = 0.0
            except Exception:  # one bad message must not end the bridge
                self._say("away", "The bridge failed at something; see its log.")
                log.exception("link: broke")
                pause_s = LONGEST_WAIT_S
            if asyncio.get_running_loop().time() - began > _STEADY_S:
                wait_s = SHORTEST_WAIT_S
            await asyncio.sleep(pause_s or wait_s * random.uniform(0.5, 1.0))  # noqa: S311 -- spreads load only
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _stay(self, receiver: Receiver) -> int | None:
        """Connect once and stay; return the code with which the connection was closed."""
        ticket = await self._server.ticket()
        async with self._server.connected() as socket:
            welcome = await self._greet(socket, ticket)
            if isinstance(welcome, int):
                return _checked(welcome)
            self._socket = socket
            try:
                await receiver.linked(welcome)
                self._say("connected", None)
                log.info("link: up, %d printers", len(welcome.printers))
                close_code = await self._receive(socket, receiver)
            except ProtocolViolation:
                await socket.close(code=aiohttp.WSCloseCode.POLICY_VIOLATION)
                raise
            finally:
                self._socket = None
                await receiver.unlinked()
            return _checked(close_code)

    async def _greet(self, socket: aiohttp.ClientWebSocketResponse, ticket: str) -> Welcome | int:
        """Return the server's welcome, or the code with which it closed instead."""
        sent = self._clock.mark()
        await socket.send_frame(encode(Hello(ticket=ticket)), aiohttp.WSMsgType.TEXT)
        frame = await socket.receive(timeout=_WELCOME_TIMEOUT_S)
        if frame.type in _CLOSED:
            return _code(frame)
        welcome = decode_from_server(_content(frame))
        if not isinstance(welcome, Welcome):
            raise ProtocolViolation("the server did not begin with its welcome")
        if welcome.version != VERSION:
            raise Unavailable("Server and bridge speak different versions. Update the older of the two.")
        self._clock.measured(sent, welcome.server_time)
        return welcome

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse, receiver: Receiver) -> int:
        """Take frames until the connection is closed; return the code. Silence of a minute is a cut."""
        pinging = asyncio.create_task(self._ping(socket))
        try:
            while True:
                async with asyncio.timeout(SILENCE_LIMIT_S):
                    frame = await socket.receive()
                if frame.type in _CLOSED:
                    return _code(frame)
                message = decode_from_server(_content(frame))
                if not isinstance(message, Pong):
                    await receiver.receive(message)
        finally:
            pinging.cancel()

    async def _ping(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Say that we are here: the server behind can't see the protocol's own pings."""
        with contextlib.suppress(*_CONNECTION_ERRORS):
            while True:
                await asyncio.sleep(PING_EVERY_S)
                await socket.send_frame(encode(Ping()), aiohttp.WSMsgType.TEXT)


_CLOSED = frozenset(
    {
        aiohttp.WSMsgType.CLOSE,
        aiohttp.WSMsgType.CLOSING,
        aiohttp.WSMsgType.CLOSED,
        aiohttp.WSMsgType.ERROR,
    }
)
_REASONS = {
    BAD_TICKET: "The server did not accept the ticket.",
    REPLACED: "Another bridge with the same key is connected. Is this folder a copy?",
}


def _content(frame: aiohttp.WSMessage) -> bytes | str:
    if frame.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
        content: bytes | str = frame.data
        return content
    raise ProtocolViolation("the server sent a frame that is no message")


def _code(frame: aiohttp.WSMessage) -> int:
    """The code of a close frame itself: a connection cut right behind it would otherwise hide it."""
    return frame.data if frame.type is aiohttp.WSMsgType.CLOSE else aiohttp.WSCloseCode.ABNORMAL_CLOSURE


def _checked(close_code: int | None) -> int | None:
    if close_code == REVOKED:
        raise Revoked
    return close_code
