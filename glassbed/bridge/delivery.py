"""Brings the outbox to the server: in order, a few at a time, again until it is kept or dropped."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from glassbed.bridge.outbox import Outbox
from glassbed.protocol.messages import Event, Message

WINDOW = 32
RESEND_AFTER_S = 30.0


class Delivery:
    """One outbox on one link."""

    def __init__(self, outbox: Outbox, send: Callable[[Message], Awaitable[bool]]) -> None:
        self._outbox = outbox
        self._send = send
        self._sent_at: dict[str, float] = {}  # unanswered events of this connection
        self._something = asyncio.Event()
        self._disk = asyncio.Lock()

    async def keep(self, event: Event) -> None:
        """Put an event into the outbox; it is on the disk when this returns."""
        async with self._disk:
            await asyncio.to_thread(self._outbox.put, event)
        self._something.set()

    async def settle(self, event_id: str) -> None:
        """The server has answered for this event."""
        async with self._disk:
            self._outbox.settle(event_id)
        self._sent_at.pop(event_id, None)
        self._something.set()

    async def withdraw(self, printer: str, *, only_traces: bool = False) -> None:
        async with self._disk:
            await asyncio.to_thread(lambda: self._outbox.withdraw(printer, only_traces=only_traces))

    async def withdraw_except(self, printers: set[str]) -> None:
        async with self._disk:
            await asyncio.to_thread(self._outbox.withdraw_except, printers)

    async def run(self) -> None:
        """Deliver while the link is up; ends when it is down. Cancel and run again on the next link."""
        self._sent_at.clear()
        while True:
            self._something.clear()
            if not await self._send_due():
                return
            try:
                async with asyncio.timeout(RESEND_AFTER_S / 3):
                    await self._something.wait()
            except TimeoutError:
                continue

    async def _send_due(self) -> bool:
        now = time.monotonic()
        waiting = self._outbox.oldest(WINDOW)  # a window over the oldest: order is kept, and nothing piles up
        for event_id in waiting:
            if now - self._sent_at.get(event_id, -RESEND_AFTER_S) < RESEND_AFTER_S:
                continue
            async with self._disk:
                event = await asyncio.to_thread(self._outbox.get, event_id)
            self._sent_at[event_id] = now
            if event is not None and not await self._send(event):
                return False
        return True
