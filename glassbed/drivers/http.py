"""One request to a printer host over HTTP: bounded, without redirects, its failures as driver errors."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import ClassVar

import aiohttp

from glassbed.drivers.interface import HostError, HostFault, HostUnreachable
from glassbed.protocol.errors import ProtocolViolation

CONNECT_LIMIT_S = 5
ANSWER_LIMIT_S = 10
ANSWER_LIMIT_BYTES = 1024 * 1024


class HostHttp(ABC):
    """The host's address with the key. Follows no redirect, for that would hand the key to another."""

    title: ClassVar[str]

    def __init__(self, address: str, key: str | None, session: aiohttp.ClientSession) -> None:
        self.address = address
        self.answer_limit_s: float = ANSWER_LIMIT_S
        self._headers = {"X-Api-Key": key} if key else {}
        self._session = session

    @abstractmethod
    def meaning(self, status: int, body: bytes) -> HostError | None:
        """Return what an answer of 300 or more means on this host, None where it means nothing in particular."""

    async def request(
        self,
        method: str,
        path: str,
        content: bytes | AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        limit_s: float | None,
    ) -> tuple[int, bytes]:
        """Return status and body of an answer that is no error; wait `limit_s` for it, if any."""
        async with (
            network_errors(self.title),
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
            raise self.meaning(answer.status, body) or self._fault(answer)
        return answer.status, body

    def _fault(self, answer: aiohttp.ClientResponse) -> HostFault:
        location = answer.headers.get("Location")
        if location and answer.status < HTTPStatus.BAD_REQUEST:
            return HostFault(f"{self.title} is found at another address: {location[:200]}. Enter that one.")
        return HostFault(f"{self.title} answered with status {answer.status}.")


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > ANSWER_LIMIT_BYTES:
            raise ProtocolViolation(f"an answer of more than {ANSWER_LIMIT_BYTES} bytes")
    return bytes(body)


@asynccontextmanager
async def network_errors(title: str) -> AsyncIterator[None]:
    """Turn every way in which a network fails into `HostUnreachable`."""
    try:
        yield
    except TimeoutError as error:
        raise HostUnreachable(f"{title} does not answer in time.") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise HostUnreachable(f"{title} can't be reached: {error}"[:500]) from error
