"""OctoPrint's REST API: what its answers mean."""

import json
from functools import partial
from http import HTTPStatus

import aiohttp

from glassbed.drivers import http
from glassbed.drivers.interface import HostConflict, HostError, HostFault, HostRefused, HostUnreachable
from glassbed.drivers.octoprint import wire

TITLE = "OctoPrint"
network_errors = partial(http.network_errors, TITLE)

_NOT_UP = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_NOT_LET_IN = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_TAKEN_FOR_A_BROWSER = "CSRF validation failed"  # what a POST without a valid key is told


class Rest(http.HostHttp):
    """OctoPrint at an address."""

    title = TITLE

    def __init__(self, address: str, key: str | None, session: aiohttp.ClientSession) -> None:
        full = (address if "://" in address else f"http://{address}").rstrip("/")
        super().__init__(full, key, session)

    async def get(self, path: str) -> bytes:
        return (await self.request("GET", path, limit_s=self.answer_limit_s))[1]

    async def post(self, path: str, body: object) -> bytes:
        content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        return (await self.request("POST", path, content, headers, limit_s=self.answer_limit_s))[1]

    def meaning(self, status: int, body: bytes) -> HostError | None:
        words = wire.error_words(body)
        if status in _NOT_LET_IN or (status == HTTPStatus.BAD_REQUEST and words == _TAKEN_FOR_A_BROWSER):
            return HostRefused(
                "OctoPrint does not accept the key for this. Enter a new one on the printer's page."
            )
        if status == HTTPStatus.CONFLICT:
            return HostConflict(words or "The printer can't do that in its present state.")
        if status in _NOT_UP:
            return HostUnreachable("OctoPrint is not up yet, or no more.")
        return HostFault(words) if words and status >= HTTPStatus.BAD_REQUEST else None
