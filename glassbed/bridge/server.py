"""What the bridge asks of the server by HTTP: tickets for its link, and files to print."""

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from glassbed.bridge.identity import Identity, base64url
from glassbed.protocol.clock import ServerClock
from glassbed.protocol.errors import GlassbedError, Unavailable

_TIMEOUT = aiohttp.ClientTimeout(total=15)
_FILE_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)
_CLOCK_TRIES = 3
_OK, _FORBIDDEN, _CONFLICT = 200, 403, 409


class Revoked(GlassbedError):
    """The server does not know this bridge any more. Pair it again, or ask whoever removed it."""


class Server:
    """One Glassbed server as this bridge sees it. `session` is the caller's."""

    def __init__(
        self,
        url: str,
        bridge_id: str,
        *,
        identity: Identity,
        clock: ServerClock,
        session: aiohttp.ClientSession,
        trust: ssl.SSLContext,
    ) -> None:
        self.url = url.rstrip("/")
        self.bridge_id = bridge_id
        self._identity = identity
        self._clock = clock
        self._session = session
        self._trust = trust

    async def ticket(self) -> str:
        """Prove the key and get a short-lived ticket; sets the clock. Raises `Revoked` or `Unavailable`."""
        for _ in range(_CLOCK_TRIES):
            sent = self._clock.mark()
            status, answer = await self._post("/bridge/ticket", self._proof())
            server_time, ticket = answer.get("server_time"), answer.get("ticket")
            if status in {_OK, _CONFLICT} and isinstance(server_time, int | float):
                self._clock.measured(sent, server_time)
            if status == _OK and isinstance(ticket, str):
                return ticket
            if status == _FORBIDDEN:
                raise Revoked(str(answer.get("error") or Revoked.__doc__))
            if status != _CONFLICT:
                raise Unavailable(f"The server answered {status} when asked for a ticket.")
        raise Unavailable("This machine's clock and the server's can't be brought together.")

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open the link's WebSocket. The heartbeat notices a dead line from this side too."""
        async with self._session.ws_connect(
            self.url + "/bridge", ssl=self._trust, heartbeat=25, max_msg_size=1 << 20, timeout=_CLOSING
        ) as socket:
            yield socket

    @asynccontextmanager
    async def file(self, print_id: str) -> AsyncIterator[aiohttp.StreamReader]:
        """Open the file of a print. Raises `Unavailable` when the server does not hand it over."""
        headers = {"Authorization": f"Bearer {await self.ticket()}"}
        url = f"{self.url}/bridge/files/{print_id}"
        async with self._session.get(
            url, headers=headers, ssl=self._trust, timeout=_FILE_TIMEOUT, allow_redirects=False
        ) as response:
            if response.status != _OK:
                raise Unavailable(f"The server answered {response.status} when asked for the file.")
            yield response.content

    def _proof(self) -> Mapping[str, Any]:
        at, nonce = int(self._clock.now()), base64url(os.urandom(16))
        signature = self._identity.sign(f"glassbed-ticket:{self.bridge_id}:{at}:{nonce}")
        return {"bridge_id": self.bridge_id, "at": at, "nonce": nonce, "signature": signature}

    async def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        return await post(self._session, self.url + path, body, self._trust)


_CLOSING = aiohttp.ClientWSTimeout(ws_close=5)


async def post(
    session: aiohttp.ClientSession, url: str, body: Mapping[str, Any], trust: ssl.SSLContext
) -> tuple[int, dict[str, Any]]:
    """Post JSON; return status and answer, `{}` if that is no JSON object. Raises `Unavailable`."""
    try:
        async with session.post(
            url, json=body, ssl=trust, timeout=_TIMEOUT, allow_redirects=False
        ) as response:
            try:
                answer = await response.json(content_type=None)
            except ValueError:
                answer = None
            return response.status, answer if isinstance(answer, dict) else {}
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(f"The server does not answer ({type(error).__name__}).") from error
