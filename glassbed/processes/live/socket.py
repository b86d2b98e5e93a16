"""One WebSocket over raw ASGI: a reader, a writer with a bounded queue, and one way to end."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from enum import IntEnum
from typing import Any

from glassbed.processes.live.timing import Timing
from glassbed.protocol import messages
from glassbed.protocol.errors import NotAllowed, ProtocolViolation

Asgi = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Asgi]]
Send = Callable[[Asgi], Awaitable[None]]
OnFrame = Callable[[str], Awaitable[None]]

_CONTROL_FRAMES_MAX = 1000


class Close(IntEnum):
    """Why a socket was closed (WebSocket close codes)."""

    TRY_LATER = 1013  # the bus is away, this peer does not read, or this process stops
    VIOLATION = 4400  # a frame that the protocol does not know
    ASK_AGAIN = 4401  # no ticket, a bad one, or it must be renewed
    REVOKED = 4403  # the bridge lost its rights
    SILENT = 4408  # no frame, no ping
    REPLACED = 4409  # the bridge has a newer connection


class Gone(Exception):
    """The other side has left."""


class Socket:
    """`end` may be called from anywhere and at any time; whoever calls `run` sees it return."""

    def __init__(self, receive: Receive, send: Send, timing: Timing) -> None:
        self._receive = receive
        self._send = send
        self._timing = timing
        self._control: deque[str] = deque()
        self._source: Callable[[], str | None] = lambda: None
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[Close] = self._loop.create_future()
        self.heard_at = self._loop.time()

    async def accept(self) -> None:
        await self._receive()  # websocket.connect
        await self._put({"type": "websocket.accept"})

    async def refuse(self) -> None:
        """Answer the handshake with HTTP 403."""
        await self._receive()
        await self._send({"type": "websocket.close", "code": Close.REVOKED})

    async def ticket(self, decode: messages.Decoder) -> str:
        """Return the ticket of the first frame. Raises `NotAllowed`, `ProtocolViolation`, `Gone`."""
        try:
            hello = decode(await asyncio.wait_for(self._frame(), self._timing.first_frame_s))
        except TimeoutError:
            raise NotAllowed("No ticket came.") from None
        if not isinstance(hello, messages.Hello):
            raise NotAllowed("The first frame has to be the ticket.")
        if hello.version != messages.VERSION:
            raise ProtocolViolation(
                f"version {hello.version} of the protocol; this side speaks {messages.VERSION}"
            )
        return hello.ticket

    def post(self, message: messages.Message) -> None:
        self.post_text(messages.encode(message).decode())

    def post_first(self, message: messages.Message) -> None:
        """Put a frame before all that were queued since the socket was opened."""
        if self._ending.done():
            return
        self._control.appendleft(messages.encode(message).decode())
        self._wake.set()

    def post_text(self, frame: str) -> None:
        """Queue a frame. A peer that leaves a thousand of them unread is cut."""
        if self._ending.done():
            return
        if len(self._control) >= _CONTROL_FRAMES_MAX:
            self.end(Close.TRY_LATER)
            return
        self._control.append(frame)
        self._wake.set()

    def draw_from(self, source: Callable[[], str | None]) -> None:
        """Send what `source` gives whenever nothing is queued; `wake` says that it has something."""
        self._source = source

    def wake(self) -> None:
        self._wake.set()

    def end(self, code: Close, last: messages.Message | None = None) -> None:
        """Drop what is queued, send `last`, close. The first call counts."""
        if self._ending.done():
            return
        self._control.clear()
        self._source = lambda: None
        if last is not None:
            self.post(last)
        self._ending.set_result(code)
        self._wake.set()

    def end_if_silent(self, now: float) -> None:
        if now - self.heard_at > self._timing.silence_s:
            self.end(Close.SILENT)

    async def run(self, on_frame: OnFrame) -> None:
        """Read and write until either side ends it."""
        reader = asyncio.create_task(self._read(on_frame))
        writer = asyncio.create_task(self._write())
        try:
            ends: list[asyncio.Future[Any]] = [self._ending, reader, writer]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if reader.done() or writer.done():
                self._explain(reader if reader.done() else writer)
            if self._ending.done():
                await self._leave(reader, writer)
        finally:
            await _cancel(reader, writer)

    async def close(self, code: Close) -> None:
        """Close a socket that is not running."""
        with contextlib.suppress(TimeoutError, Gone):
            await asyncio.wait_for(
                self._put({"type": "websocket.close", "code": code}), self._timing.goodbye_s
            )

    def _explain(self, task: asyncio.Task[None]) -> None:
        error = task.exception()
        if isinstance(error, ProtocolViolation):
            self.end(Close.VIOLATION)
        elif error is not None and not isinstance(error, Gone):
            raise error

    async def _leave(self, reader: asyncio.Task[None], writer: asyncio.Task[None]) -> None:
        await _cancel(reader)
        await asyncio.wait({writer}, timeout=self._timing.goodbye_s)
        await _cancel(writer)
        await self.close(self._ending.result())

    async def _read(self, on_frame: OnFrame) -> None:
        while True:
            frame = await self._frame()
            self.heard_at = self._loop.time()
            await on_frame(frame)

    async def _write(self) -> None:
        while True:
            frame = self._control.popleft() if self._control else self._source()
            if frame is not None:
                await self._put({"type": "websocket.send", "text": frame})
            elif self._ending.done():
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _frame(self) -> str:
        try:
            event = await self._receive()
        except (RuntimeError, OSError) as error:  # as in `_put`
            raise Gone from error
        if event["type"] == "websocket.disconnect":
            raise Gone
        text = event.get("text")
        if text is None:
            raise ProtocolViolation("binary frames are not part of this link")
        return str(text)

    async def _put(self, event: Asgi) -> None:
        try:
            await self._send(event)
        except (RuntimeError, OSError) as error:  # servers differ in how they say that the peer has left
            raise Gone from error


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
