"""One request to Moonraker over HTTP: its result, or the driver error that it means."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from glassbed.drivers.interface import HostConflict, HostError, HostFault, HostRefused, HostUnreachable
from glassbed.drivers.moonraker import wire
from glassbed.protocol.errors import ProtocolViolation

PORT = 7125
CONNECT_LIMIT_S = 5
ANSWER_LIMIT_S = 10
ANSWER_LIMIT_BYTES = 1024 * 1024

_CONFLICTS = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT}
_NOT_UP = (HostUnreachable, "Moonraker is not up yet, or no more.")
_OTHERS: dict[int, tuple[type[HostError], str]] = {
    HTTPStatus.UNAUTHORIZED: (
        HostRefused,
        "Moonraker does not accept the key. Enter a new one on the printer's page.",
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: (HostFault, "The file arrived other than it was sent. Send it again."),
    HTTPStatus.BAD_GATEWAY: _NOT_UP,
    HTTPStatus.SERVICE_UNAVAILABLE: _NOT_UP,
    HTTPStatus.GATEWAY_TIMEOUT: _NOT_UP,
}


class Rest:
    """The host's address with the key. Follows no redirect, for that would hand the key to another."""

    def __init__(self, address: str, key: str | None, session: aiohttp.ClientSession) -> None:
        self.address = _full(address)
        self._headers = {"X-Api-Key": key} if key else {}
        self._session = session

    async def get(self, path: str) -> bytes:
        return await self.request("GET", path, limit_s=ANSWER_LIMIT_S)

    async def post(self, path: str, *, limit_s: float | None = None) -> bytes:
        return await self.request("POST", path, limit_s=limit_s or ANSWER_LIMIT_S)

    async def delete(self, path: str) -> bytes:
        return await self.request("DELETE", path, limit_s=ANSWER_LIMIT_S)

    async def request(
        self,
        method: str,
        path: str,
        content: AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        limit_s: float | None,
    ) -> bytes:
        """Return the body of an answer that is no error; wait `limit_s` for it, if any."""
        async with (
            network_errors(),
            self._session.request(
                method,
                self.address + path,
                data=content,
                headers={**self._headers, **(headers or {})},
                timeout=aiohttp.ClientTimeout(total=limit_s, sock_connect=CONNECT_LIMIT_S),
                allow_redirects=False,
            ) as answer,
        ):
            body = await _bounded(answer)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise _meaning(answer.status, body, answer.headers.get("Location"))
        return body


def _full(address: str) -> str:
    """Complete a bare host with Moonraker's own port; behind a scheme the port is the scheme's."""
    if "://" in address:
        return address.rstrip("/")
    bare = f"http://{address.rstrip('/')}"
    try:
        has_port = urlsplit(bare).port is not None
    except ValueError:
        has_port = True  # one that is none: the request will say so
    return bare if has_port else f"{bare}:{PORT}"


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > ANSWER_LIMIT_BYTES:
            raise ProtocolViolation(f"an answer of more than {ANSWER_LIMIT_BYTES} bytes")
    return bytes(body)


def _meaning(status: int, body: bytes, location: str | None) -> HostError:
    words = wire.error_words(body)
    if status in _CONFLICTS:
        return HostConflict(words or "The printer can't do that in its present state.")
    if status == HTTPStatus.SERVICE_UNAVAILABLE and words:  # from Moonraker itself
        return HostConflict("Klipper, the program that drives the printer, is not running.")
    if status in _OTHERS:
        kind, text = _OTHERS[status]
        return kind(text)
    if location and status < HTTPStatus.BAD_REQUEST:
        return HostFault(f"Moonraker is found at another address: {location[:200]}. Enter that one.")
    return HostFault(words or f"Moonraker answered with status {status}.")


@asynccontextmanager
async def network_errors() -> AsyncIterator[None]:
    """Turn every way in which a network fails into `HostUnreachable`."""
    try:
        yield
    except TimeoutError as error:
        raise HostUnreachable("Moonraker does not answer in time.") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise HostUnreachable(f"Moonraker can't be reached: {error}"[:500]) from error
