"""Moonraker over HTTP: what its answers mean."""

from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from glassbed.drivers import http
from glassbed.drivers.interface import HostConflict, HostError, HostFault, HostRefused, HostUnreachable
from glassbed.drivers.moonraker import wire

TITLE = "Moonraker"
network_errors = partial(http.network_errors, TITLE)

PORT = 7125

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


class Rest(http.HostHttp):
    """Moonraker at an address."""

    title = TITLE

    def __init__(self, address: str, key: str | None, session: aiohttp.ClientSession) -> None:
        super().__init__(_full(address), key, session)

    async def get(self, path: str) -> bytes:
        return (await self.request("GET", path, limit_s=self.answer_limit_s))[1]

    async def post(self, path: str, *, limit_s: float | None = None) -> bytes:
        return (await self.request("POST", path, limit_s=limit_s or self.answer_limit_s))[1]

    async def delete(self, path: str) -> bytes:
        return (await self.request("DELETE", path, limit_s=self.answer_limit_s))[1]

    def meaning(self, status: int, body: bytes) -> HostError | None:
        words = wire.error_words(body)
        if status in _CONFLICTS:
            return HostConflict(words or "The printer can't do that in its present state.")
        if status == HTTPStatus.SERVICE_UNAVAILABLE and words:  # from Moonraker itself
            return HostConflict("Klipper, the program that drives the printer, is not running.")
        if status in _OTHERS:
            kind, text = _OTHERS[status]
            return kind(text)
        return HostFault(words) if words and status >= HTTPStatus.BAD_REQUEST else None


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
