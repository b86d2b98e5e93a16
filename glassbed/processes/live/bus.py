"""The connection to NATS: it begins when first needed, and comes back for ever."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import nats
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from glassbed.protocol.errors import Unavailable

if TYPE_CHECKING:
    from nats.aio.client import Client

log = logging.getLogger("glassbed.live")

Handler = Callable[[Msg], Awaitable[None]]

_RETRY_S = 0.25
_PING_S = 10
_SETTLE_S = 5


class Bus:
    """Publishes, asks and listens. What is published while the connection is cut is dropped, not kept."""

    def __init__(self, url: str, *, on_connected: Callable[[], None]) -> None:
        """`on_connected` is called at first and after each cut: messages may have been missed before."""
        self._url = url
        self._on_connected = on_connected
        self._client: Client | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._standing: dict[str, Handler] = {}

    def always(self, subject: str, handler: Handler) -> None:
        """Listen from the first moment of the connection on. To be said before `start`."""
        self._standing[subject] = handler

    def start(self) -> None:
        """Begin to connect, unless begun. Returns at once."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())

    async def stop(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        if self._client is not None:
            with contextlib.suppress(Unavailable):
                await self.settle()  # the farewells
            await self._client.close()

    @property
    def is_ready(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def ready(self, within_s: float) -> None:
        """Wait for the first connection. Raises `Unavailable`."""
        self.start()
        if self._connecting is not None and self._client is None:
            await asyncio.wait({self._connecting}, timeout=within_s)
        if not self.is_ready:
            raise Unavailable

    async def publish(self, subject: str, payload: bytes = b"") -> None:
        """Send to whoever listens now."""
        if self._client is not None and self._client.is_connected:
            with contextlib.suppress(NatsError):
                await self._client.publish(subject, payload)

    async def ask(self, subject: str, payload: bytes, within_s: float) -> bytes | None:
        """Return the answer, or nothing when nobody is there. Raises `Unavailable` when none came in time."""
        if self._client is None or not self._client.is_connected:
            raise Unavailable
        try:
            return (await self._client.request(subject, payload, timeout=within_s)).data
        except NoRespondersError:
            return None
        except NatsError as error:
            raise Unavailable from error

    async def listen(self, subject: str, handler: Handler) -> Subscription:
        """Raises `Unavailable` without a connection."""
        if self._client is None or not self._client.is_connected:
            raise Unavailable
        try:
            return await self._client.subscribe(subject, cb=handler)
        except NatsError as error:
            raise Unavailable from error

    async def settle(self) -> None:
        """Wait until the server knows what was said before. Raises `Unavailable`."""
        try:
            if self._client is None or not self._client.is_connected:
                raise Unavailable
            await self._client.flush(_SETTLE_S)
        except NatsError as error:
            raise Unavailable from error

    async def forget(self, subscriptions: list[Subscription]) -> None:
        for subscription in subscriptions:
            with contextlib.suppress(NatsError):  # the connection may be cut or closed
                await subscription.unsubscribe()

    async def _connect(self) -> None:
        client = await nats.connect(
            self._url,
            name="glassbed live",
            error_cb=self._note,
            disconnected_cb=self._cut,
            reconnected_cb=self._returned,
            reconnect_time_wait=_RETRY_S,
            max_reconnect_attempts=-1,
            ping_interval=_PING_S,
            max_outstanding_pings=2,
        )
        for subject, handler in self._standing.items():
            await client.subscribe(subject, cb=handler)
        await client.flush()
        self._client = client
        self._on_connected()
        log.info("bus connected")

    async def _returned(self) -> None:
        log.warning("bus connected again: every socket asks again")
        self._on_connected()

    async def _cut(self) -> None:
        log.warning("bus lost")

    async def _note(self, error: Exception) -> None:
        level = logging.WARNING if self.is_ready else logging.DEBUG  # once when lost is enough
        log.log(level, "bus: %s", type(error).__name__)
