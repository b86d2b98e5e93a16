"""Keeps slow clients and slow bridges off the threads of pages, so that a page always finds one.

A page's body is read before a thread is taken, and its answer never waits for its reader. What has to hold a thread
for long - a file on its way, a question to a bridge - stands in a lane with a few threads of its own.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from weakref import WeakValueDictionary

SMALL_BYTES = 1024 * 1024
SMALL_BODY_S = 10.0
STALL_S = 20.0
SLOWEST_BYTES_S = 16 * 1024
TURN_S = 20.0
"""How long a request waits for a thread of its lane; less than a bridge waits for a file."""
EACH = 2
"""Of a lane's threads, how many one visitor gets."""
LARGE_BODIES = ("/files/upload/",)
"""Where a body may be large; everywhere else it is read whole, and refused above `SMALL_BYTES`."""
SESSION = "glassbed_session"


class Stalled(ConnectionError):
    """The client takes or gives nothing any more, or too little."""


class Busy(Exception):
    """All threads of this lane are taken."""


class Lane:
    """Requests that hold a thread for long: no more at once than there are threads, in the order they came."""

    def __init__(self, paths: str, threads: int) -> None:
        self.threads = threads
        self._paths = re.compile(paths)
        self._all = asyncio.Semaphore(threads)
        self._of_visitor: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def takes(self, path: str) -> bool:
        return self._paths.fullmatch(path) is not None

    @asynccontextmanager
    async def turn(self, visitor: str) -> AsyncIterator[None]:
        """Hold one of the lane's threads. Raises `Busy` when none gets free in time."""
        own = self._of_visitor.setdefault(visitor, asyncio.Semaphore(EACH))
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(TURN_S):
                    await held.enter_async_context(own)
                    await held.enter_async_context(self._all)
            except TimeoutError:
                raise Busy from None
            yield


def lanes() -> list[Lane]:
    """Every address that holds a thread for long. Two lanes, because a bridge that is asked may fetch a file."""
    return [
        Lane(r"/files/upload/|/files/[^/]+/download|/bridge/files/[^/]+", threads=3),
        Lane(
            r"/printers/[^/]+/(control/[^/]+|queue|bind)/|/prints/[^/]+/start/"
            r"|/printers/(add|add/key|demo)/|/bridges/[^/]+/discover/",
            threads=3,
        ),
    ]


class Pace:
    """How long a client may still keep us waiting: at most `STALL_S`, and what it used up it earns by bytes."""

    def __init__(self) -> None:
        self._left_s = STALL_S

    async def wait(self, step: Awaitable[Any], size_bytes: int = 0) -> Any:
        """Wait for a step of the server's, in which so much passes or comes back. Raises `Stalled`."""
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(self._left_s):
                given = await step  # granian's are awaitable, but no coroutines, which others need
        except TimeoutError as error:
            raise Stalled from error
        size_bytes += len(given.get("body", b"")) if given else 0
        self._left_s = min(STALL_S, self._left_s - (clock() - began) + size_bytes / SLOWEST_BYTES_S)
        return given


def unhurried(pages: Any, slow: Any, among: list[Lane]) -> Any:
    """Join two ASGI applications that take a thread for each request: `slow` serves the lanes, `pages` the rest."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        lane = next((lane for lane in among if lane.takes(scope["path"])), None)
        if scope["path"] not in LARGE_BODIES:
            try:
                receive = await asyncio.wait_for(_whole_body(receive), SMALL_BODY_S)
            except TimeoutError:
                await answer(send, 408, b"The request came too slowly. Try again.\n")
                return
            if receive is None:
                await answer(send, 413, b"The request is too large for this address.\n")
                return
        if lane is None:
            await _at_their_pace(pages, scope, receive, send)
            return
        try:
            async with lane.turn(_visitor(scope)):
                await _at_their_pace(slow, scope, receive, send)
        except Busy:
            await answer(send, 503, b"Too much is under way at the moment. Try again in a minute.\n")

    return wrapped


async def _at_their_pace(app: Any, scope: Any, receive: Any, send: Any) -> None:
    """Run the application to its end, also when nobody takes its answer: its thread would wait for ever.

    Raises `Stalled` in that case, so that the server drops the connection.
    """
    coming, going = Pace(), Pace()
    gone: list[OSError] = []

    async def send_while_it_is_taken(message: Any) -> None:
        if gone:
            return
        try:
            await going.wait(send(message), len(message.get("body", b"")))
        except OSError as error:
            gone.append(error)

    await app(scope, lambda: coming.wait(receive()), send_while_it_is_taken)
    if gone:
        raise gone[0]


async def answer(send: Any, status: int, body: bytes) -> None:
    """Answer without a thread."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"60"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _visitor(scope: Any) -> str:
    """Tell visitors apart by their session; a bridge has none, and asks for one print at a time."""
    cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")
    try:
        return SimpleCookie(cookies)[SESSION].value
    except (CookieError, KeyError):
        return str(scope["path"])


async def _whole_body(receive: Any) -> Any:
    """Return a `receive` that hands the body over, or None when it is too large or its client has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > SMALL_BYTES:
            return None
        if not message.get("more_body", False):
            return _handing_over(bytes(body))


def _handing_over(body: bytes) -> Any:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
