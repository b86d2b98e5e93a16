"""`live`: raw ASGI, no Django, no database. Serves `/bridge` and `/live`, and nothing else.

It trusts tickets, tells apart what each socket may send, and passes bytes on over the bus.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from typing import Any

from nats.aio.msg import Msg

from glassbed.processes.live.audience import Audience
from glassbed.processes.live.bridges import BridgeLink
from glassbed.processes.live.bus import Bus
from glassbed.processes.live.revocations import Revocations
from glassbed.processes.live.socket import Asgi, Close, Gone, Receive, Send, Socket
from glassbed.processes.live.timing import Timing
from glassbed.processes.live.viewers import Viewer
from glassbed.protocol import messages, subjects, tickets
from glassbed.protocol.errors import NotAllowed, ProtocolViolation, Unavailable

log = logging.getLogger("glassbed.live")

BRIDGE_PATH, VIEWER_PATH = "/bridge", "/live"
PATHS = frozenset({BRIDGE_PATH, VIEWER_PATH})
"""What the web process hands to this application instead of to Django."""


class LiveApp:
    """The ASGI application. Whoever mounts it calls `start` and `stop`, or passes `lifespan` on."""

    def __init__(
        self, *, nats_url: str, secret: bytes, origins: frozenset[str], timing: Timing | None = None
    ) -> None:
        """`origins` are those of the site's pages, as a browser writes them: "https://host:port"."""
        self._secret = secret
        self._origins = {origin.encode("latin-1") for origin in origins}
        self._timing = timing or Timing()
        self._bus = Bus(nats_url, on_connected=self._on_bus_connected)
        self._audience = Audience(self._bus, self._timing)
        self._revocations = Revocations()
        self._bridges: set[BridgeLink] = set()
        self._serving: dict[asyncio.Task[None], Socket] = {}
        self._chores: list[asyncio.Task[None]] = []
        self._listen_for_revocations()

    def start(self) -> None:
        """Begin to connect to the bus; sockets may come before it is there. Idempotent."""
        if not self._chores:
            self._bus.start()
            self._chores = [asyncio.create_task(self._sweep()), asyncio.create_task(self._renew())]

    async def ready(self) -> None:
        """Start, and wait a moment for the bus. Raises `Unavailable` when it does not come."""
        self.start()
        await self._bus.ready(self._timing.answer_s)

    async def stop(self) -> None:
        """End the sockets, then let go of the bus: their farewells go out first.

        An embedded granian cuts no socket before its process ends, so waiting alone would not bring them.
        """
        for socket in self._serving.values():
            socket.end(Close.TRY_LATER)
        if self._serving:
            await asyncio.wait(self._serving, timeout=2 * self._timing.goodbye_s)
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        self._chores = []
        await self._bus.stop()

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] != "websocket":
            await _upgrade_required(send)
        else:
            self.start()
            socket = Socket(receive, send, self._timing)
            if scope["path"] == BRIDGE_PATH:
                await self._serve(socket, self._serve_bridge(socket))
            elif scope["path"] == VIEWER_PATH and self._is_own_page(scope):
                await self._serve(socket, self._serve_viewer(socket))
            else:
                await socket.refuse()

    # -- sockets ------------------------------------------------------------------------------------

    async def _serve(self, socket: Socket, serving: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(serving)
        self._serving[task] = socket
        try:
            await task
        except NotAllowed:
            await socket.close(Close.ASK_AGAIN)
        except ProtocolViolation:
            await socket.close(Close.VIOLATION)
        except Unavailable:
            await socket.close(Close.TRY_LATER)
        except Gone:
            pass
        finally:
            task.cancel()  # if the server gave up on us
            del self._serving[task]

    async def _serve_bridge(self, socket: Socket) -> None:
        await socket.accept()
        text = await socket.ticket(messages.decode_from_bridge)
        ticket = tickets.read_bridge(text, self._secret, time.time())
        await self._bus.ready(self._timing.first_frame_s)
        link = BridgeLink(ticket, socket, self._bus, self._timing)
        self._bridges.add(link)
        try:
            self._refuse_if_stale(
                ticket.issued_at, [subjects.revoke(ticket.bridge), subjects.printers(ticket.bridge)]
            )
            await link.serve()
        finally:
            self._bridges.discard(link)

    async def _serve_viewer(self, socket: Socket) -> None:
        await socket.accept()
        text = await socket.ticket(messages.decode_from_browser)
        ticket = tickets.read_viewer(text, self._secret, time.time())
        await self._bus.ready(self._timing.first_frame_s)
        opened_at = asyncio.get_running_loop().time()
        viewer = Viewer(ticket, socket, opened_at, self._audience.ask_again_for)
        self._refuse_if_stale(
            ticket.issued_at,
            [
                subjects.person(ticket.person),
                subjects.session(ticket.session),
                *map(subjects.access, ticket.printers),
            ],
        )
        try:
            self._audience.join(viewer)
            await socket.run(viewer.on_frame)
        finally:
            await self._audience.leave(viewer)

    def _is_own_page(self, scope: Asgi) -> bool:
        """A page of another site carries no ticket of ours; it isn't even let in to guess."""
        given = [value for name, value in scope["headers"] if name == b"origin"]
        return len(given) == 1 and given[0] in self._origins

    def _refuse_if_stale(self, issued_at: float, about: list[str]) -> None:
        if self._revocations.is_stale(issued_at, about):
            raise NotAllowed("This ticket was overtaken by a change. Ask for a new one.")

    # -- the bus ------------------------------------------------------------------------------------

    def _listen_for_revocations(self) -> None:
        async def on_access(message: Msg) -> None:
            self._revocations.note(message.subject)
            self._audience.drop_viewers_of(subjects.named(message.subject))

        async def on_person_or_session(message: Msg) -> None:
            self._revocations.note(message.subject)
            self._audience.drop_meant(message.subject)

        async def on_revoke(message: Msg) -> None:
            self._revocations.note(message.subject)
            for link in self._links(message.subject):
                link.end(Close.REVOKED)

        async def on_printers(message: Msg) -> None:
            self._revocations.note(message.subject)
            for link in self._links(message.subject):
                await link.rebind(message.data)

        self._bus.always(subjects.EVERY_ACCESS, on_access)
        self._bus.always(subjects.EVERY_PERSON, on_person_or_session)
        self._bus.always(subjects.EVERY_SESSION, on_person_or_session)
        self._bus.always(subjects.EVERY_REVOKE, on_revoke)
        self._bus.always(subjects.EVERY_PRINTERS, on_printers)

    def _links(self, subject: str) -> list[BridgeLink]:
        return [link for link in self._bridges if link.bridge == subjects.named(subject)]

    def _on_bus_connected(self) -> None:
        """A revocation may have been missed before: everybody shows a new ticket."""
        self._revocations.note_everything()
        self._audience.drop_all()
        for link in self._bridges:
            link.end(Close.ASK_AGAIN)

    # -- chores -------------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._timing.sweep_s)
            now = asyncio.get_running_loop().time()
            self._revocations.sweep()
            self._audience.sweep(now)
            for link in list(self._bridges):
                link.sweep(now)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._timing.watch_renewed_s)
            try:
                await self._audience.renew()
            except Exception:  # a process loop: one bad answer must not end the renewing of all others
                log.exception("renewing watches")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        with contextlib.suppress(Unavailable):  # not in time: sockets are told to try later
            await self.ready()
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _upgrade_required(send: Send) -> None:
    headers = [(b"upgrade", b"websocket"), (b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 426, "headers": headers})
    await send({"type": "http.response.body", "body": b"This address speaks WebSocket only.\n"})
