"""The bus for synchronous code: publish and ask over NATS from any thread. Ids and samples pass, nothing stays."""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import nats
from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from glassbed.foundation import log
from glassbed.foundation.purpose import after_commit
from glassbed.protocol.errors import Unavailable

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5
_T = TypeVar("_T")


async def _note(error: Exception) -> None:
    """Say that the bus is away; the client itself would print a whole trace at every try."""
    log.event(logger, "bus_error", level=logging.DEBUG, error=type(error).__name__)


class Bus:
    """One connection for a process, with a thread of its own that runs it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connecting = asyncio.Lock()
        self._client: Client | None = None

    def publish(self, subject: str, payload: bytes = b"") -> None:
        """Send without waiting for an answer. Raises `Unavailable` when the bus does not answer."""
        self._run(self._publish(subject, payload), CONNECT_TIMEOUT_S)

    def request(self, subject: str, payload: bytes, *, timeout_s: float) -> bytes:
        """Send and wait for one answer. Raises `Unavailable` when nobody listens or nobody answers in time."""
        return self._run(self._request(subject, payload, timeout_s), timeout_s + CONNECT_TIMEOUT_S)

    async def _connected(self) -> Client:
        async with self._connecting:  # else all who come before the first is there open one each, for good
            if self._client is None or self._client.is_closed:
                self._client = await nats.connect(
                    self._url,
                    connect_timeout=CONNECT_TIMEOUT_S,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.5,
                    error_cb=_note,
                )
            return self._client

    async def _publish(self, subject: str, payload: bytes) -> None:
        client = await self._connected()
        await client.publish(subject, payload)
        await client.flush(timeout=CONNECT_TIMEOUT_S)

    async def _request(self, subject: str, payload: bytes, timeout_s: float) -> bytes:
        client = await self._connected()
        return (await client.request(subject, payload, timeout=timeout_s)).data

    def _run(self, work: Coroutine[Any, Any, _T], timeout_s: float) -> _T:
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            return future.result(timeout_s)
        except (NoRespondersError, NatsTimeoutError, TimeoutError, OSError) as error:
            future.cancel()
            raise Unavailable from error

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="bus", daemon=True).start()
            return self._loop


def tell_after_commit(subject: str, payload: bytes = b"") -> None:
    """Publish once the purpose has committed.

    A bus that is down is logged and forgotten: then nothing flows to anybody, and who comes back asks anew.
    """

    def tell() -> None:
        try:
            bus().publish(subject, payload)
        except Unavailable:
            log.event(logger, "bus_unavailable", level=logging.WARNING)

    after_commit(tell)


_bus: Bus | None = None
_making = threading.Lock()


def bus() -> Bus:
    """Return this process's bus."""
    global _bus  # noqa: PLW0603 -- one connection a process
    with _making:
        if _bus is None:
            from django.conf import settings

            _bus = Bus(settings.INSTANCE.nats_url)
        return _bus
