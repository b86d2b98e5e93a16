"""Keeps slow clients off the threads: small bodies are read before a thread is taken, large ones must keep moving.

A page's thread never waits for a client longer than `STALL_S`, so a handful of idle connections stops nobody.
"""

import asyncio
from typing import Any

SMALL_BYTES = 1024 * 1024
SMALL_BODY_S = 10.0
STALL_S = 20.0
LARGE_BODIES = ("/files/upload/",)
"""Where a body may be large; everywhere else it is read whole, and refused above `SMALL_BYTES`."""


class Stalled(ConnectionError):
    """The client takes or gives nothing any more."""


def unhurried(app: Any) -> Any:
    """Wrap an ASGI application that takes a thread for each request."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def send_or_stall(message: Any) -> None:
            await _within(send(message), STALL_S)

        if scope["path"] in LARGE_BODIES:
            await app(scope, lambda: _within(receive(), STALL_S), send_or_stall)
            return
        try:
            body = await asyncio.wait_for(_whole_body(receive), SMALL_BODY_S)
        except TimeoutError:
            await answer(send, 408, b"The request came too slowly. Try again.\n")
            return
        if body is None:
            await answer(send, 413, b"The request is too large for this address.\n")
            return
        await app(scope, _handing_over(body), send_or_stall)

    return wrapped


async def answer(send: Any, status: int, body: bytes) -> None:
    """Answer without a thread."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _whole_body(receive: Any) -> bytes | None:
    """Return the body, or None when it is too large or its client has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > SMALL_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _handing_over(body: bytes) -> Any:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _within(step: Any, limit_s: float) -> Any:
    """Wait for a step of the server's; granian's are awaitable, but no coroutines, which others need."""
    try:
        async with asyncio.timeout(limit_s):
            return await step
    except TimeoutError as error:
        raise Stalled from error
