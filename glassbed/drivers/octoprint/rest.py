"""One request to OctoPrint's REST API: its answer, or the driver error that it means."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

from glassbed.drivers.interface import (
    HostConflict,
    HostError,
    HostFault,
    HostRefused,
    HostUnreachable,
)
from glassbed.drivers.octoprint import wire
from glassbed.protocol.errors import ProtocolViolation

CONNECT_LIMIT_S = 5
ANSWER_LIMIT_S = 10
ANSWER_LIMIT_BYTES = 1024 * 1024

_NOT_UP = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_NOT_LET_IN = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_TAKEN_FOR_A_BROWSER = "CSRF validation failed"  # what a POST without a valid key is told


class Rest:
    """The host's address with the key. Follows no redirect, for that would hand the key to another."""

    def __init__(self, address: str, key: str | None, session: aiohttp.ClientSession) -> None:
        self.address = (address if "://" in address else f"http://{address}").rstrip("/")
        self.answer_limit_s: float = ANSWER_LIMIT_S
        self._headers = {"X-Api-Key": key} if key else {}
        self._session = session

    async def get(self, path: str) -> bytes:
        return (await self.request("GET", path))[1]

    async def post(self, path: str, body: object) -> bytes:
        content = json.dumps(body).encode()
        return (await self.request("POST", path, content, {"Content-Type": "application/json"}))[1]

    async def request(
        self,
        method: str,
        path: str,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        unlimited: bool = False,
    ) -> tuple[int, bytes]:
        """Return status and body of an answer that is none of the errors."""
        limit_s = None if unlimited else self.answer_limit_s
        limits = aiohttp.ClientTimeout(total=limit_s, sock_connect=CONNECT_LIMIT_S)
        async with (
            network_errors(),
            self._session.request(
                method,
                self.address + path,
                data=content,
                headers={**self._headers, **(headers or {})},
                timeout=limits,
                allow_redirects=False,
            ) as answer,
        ):
            body = await _bounded(answer)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise _meaning(answer.status, body, answer.headers.get("Location"))
        return answer.status, body


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > ANSWER_LIMIT_BYTES:
            raise ProtocolViolation(f"an answer of more than {ANSWER_LIMIT_BYTES} bytes")
    return bytes(body)


def _meaning(status: int, body: bytes, location: str | None) -> HostError:
    words = wire.error_words(body)
    if status in _NOT_LET_IN or (status == HTTPStatus.BAD_REQUEST and words == _TAKEN_FOR_A_BROWSER):
        return HostRefused(
            "OctoPrint does not accept the key for this. Enter a new one on the printer's page."
        )
    if status == HTTPStatus.CONFLICT:
        return HostConflict(words or "The printer can't do that in its present state.")
    if status in _NOT_UP:
        return HostUnreachable("OctoPrint is not up yet, or no more.")
    if location and status < HTTPStatus.BAD_REQUEST:
        return HostFault(f"OctoPrint is found at another address: {location[:200]}. Enter that one.")
    return HostFault(words or f"OctoPrint answered with status {status}.")


@asynccontextmanager
async def network_errors() -> AsyncIterator[None]:
    """Turn every way in which a network fails into `HostUnreachable`."""
    try:
        yield
    except TimeoutError as error:
        raise HostUnreachable("OctoPrint does not answer in time.") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise HostUnreachable(f"OctoPrint can't be reached: {error}"[:500]) from error
