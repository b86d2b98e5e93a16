"""Who watches what on this process: the first viewer of a printer starts its flow, the last one ends it.

No reading is kept here. Who joins late gets a full sample from the bridge, which is asked again: a
printer has few viewers, and what is not kept can't be wrong, stale or leaked.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

import msgspec
from nats.aio.msg import Msg

from glassbed.processes.live.bus import Bus
from glassbed.processes.live.timing import Timing
from glassbed.processes.live.viewers import Viewer
from glassbed.protocol import messages, subjects
from glassbed.protocol.errors import Unavailable
from glassbed.protocol.ids import uuid7

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription


class _Mark(msgspec.Struct):
    """The one field of a sample that matters on its way to the browser."""

    full: bool = False


_mark = msgspec.json.Decoder(_Mark)
_link = msgspec.json.Decoder(messages.Link)
_online = msgspec.json.Decoder(subjects.Online)


class _Watched:
    """A printer with at least one viewer here."""

    def __init__(self, printer: str, by: str) -> None:
        self.printer = printer
        self.by = by  # new for each: an older one's farewell can't end this one's flow
        self.viewers: set[Viewer] = set()
        self.online: bool | None = None
        self.subscriptions: list[Subscription] = []
        self.listening: asyncio.Task[None] | None = None
        self.asker: asyncio.Task[None] | None = None
        self.ask_again = False

    def post(self, frame: str) -> None:
        for viewer in self.viewers:
            viewer.socket.post_text(frame)


class Audience:
    """The viewers of this process."""

    def __init__(self, bus: Bus, timing: Timing) -> None:
        self._bus = bus
        self._timing = timing
        self._name = str(uuid7())
        self._numbers = count()
        self._viewers: set[Viewer] = set()
        self._watched: dict[str, _Watched] = {}

    def join(self, viewer: Viewer) -> None:
        """Let the viewer in. Does not wait, so that no revocation falls between check and joining."""
        self._viewers.add(viewer)
        for printer in viewer.printers:
            watched = self._watched.get(printer)
            if watched is None:
                watched = self._watched[printer] = _Watched(printer, f"{self._name}-{next(self._numbers)}")
            watched.viewers.add(viewer)
            if watched.online is not None:
                viewer.socket.post(messages.Link(printer=printer, online=watched.online))
            self._want_full(watched)

    async def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        for printer in viewer.printers:
            watched = self._watched.get(printer)
            if watched is not None:
                watched.viewers.discard(viewer)
                if not watched.viewers:
                    await self._end(watched)

    def ask_again_for(self, viewer: Viewer) -> None:
        """Bring a slow viewer up to date."""
        for printer in viewer.printers:
            if (watched := self._watched.get(printer)) is not None:
                self._want_full(watched)

    # -- who has to go ------------------------------------------------------------------------------

    def drop_viewers_of(self, printer: str) -> None:
        if (watched := self._watched.get(printer)) is not None:
            _drop(watched.viewers)

    def drop_meant(self, subject: str) -> None:
        """Drop whom a `person.` or `session.` subject is about."""
        _drop(viewer for viewer in self._viewers if viewer.is_meant(subject))

    def drop_all(self) -> None:
        _drop(self._viewers)

    def sweep(self, now: float) -> None:
        """Close the silent, send the old back for a new ticket."""
        for viewer in list(self._viewers):
            viewer.socket.end_if_silent(now)
            if now - viewer.opened_at > self._timing.socket_s:
                viewer.drop()

    async def renew(self) -> None:
        """Tell the bridges' live processes that the watched printers still are."""
        await asyncio.gather(*(self._ask(watched, full=False) for watched in list(self._watched.values())))

    # -- one printer --------------------------------------------------------------------------------

    async def _listen(self, watched: _Watched) -> None:
        async def on_sample(message: Msg) -> None:
            frame = message.data.decode()
            is_full = _mark.decode(message.data).full
            for viewer in watched.viewers:
                viewer.offer(watched.printer, frame, is_full=is_full)

        async def on_link(message: Msg) -> None:
            self._set_online(watched, online=_link.decode(message.data).online, is_new=True)

        async def on_changed(message: Msg) -> None:
            watched.post(message.data.decode())

        for subject, handler in (
            (subjects.sample(watched.printer), on_sample),
            (subjects.link(watched.printer), on_link),
            (subjects.changed(watched.printer), on_changed),
        ):
            with contextlib.suppress(Unavailable):  # when the bus returns, every viewer asks again
                watched.subscriptions.append(await self._bus.listen(subject, handler))

    async def _end(self, watched: _Watched) -> None:
        del self._watched[watched.printer]
        if watched.asker is not None:
            watched.asker.cancel()
        if watched.listening is not None:
            await watched.listening
        await self._bus.forget(watched.subscriptions)
        payload = msgspec.json.encode(subjects.Watching(by=watched.by))
        await self._bus.publish(subjects.unwatch(watched.printer), payload)

    def _want_full(self, watched: _Watched) -> None:
        """Ask for a full sample soon; many who join at once share one."""
        watched.ask_again = True
        if watched.asker is None or watched.asker.done():
            watched.asker = asyncio.create_task(self._ask_full(watched))

    async def _ask_full(self, watched: _Watched) -> None:
        if watched.listening is None:
            watched.listening = asyncio.create_task(self._listen(watched))
        await asyncio.shield(watched.listening)  # not to be cut half way: a subscription would be left over
        while watched.ask_again:
            watched.ask_again = False
            await self._ask(watched, full=True)
            await asyncio.sleep(self._timing.full_apart_s)

    async def _ask(self, watched: _Watched, *, full: bool) -> None:
        if self._watched.get(watched.printer) is not watched:
            return  # ended meanwhile: a watch after the farewell would keep the flow up
        payload = msgspec.json.encode(subjects.Watching(by=watched.by, full=full))
        try:
            answer = await self._bus.ask(subjects.watch(watched.printer), payload, self._timing.answer_s)
        except Unavailable:  # busy, not gone: what is known stays, and a full sample is asked for again
            watched.ask_again |= full
            return
        online = answer is not None and _online.decode(answer).online
        self._set_online(watched, online=online, is_new=False)

    def _set_online(self, watched: _Watched, *, online: bool, is_new: bool) -> None:
        """Tell the viewers what is new. A link that came back knows nothing of us: ask it for a full sample."""
        if online != watched.online:
            was_offline, watched.online = watched.online is False, online
            frame = messages.encode(messages.Link(printer=watched.printer, online=online)).decode()
            watched.post(frame)
            is_new = is_new or was_offline
        if online and is_new:
            self._want_full(watched)


def _drop(viewers: Iterable[Viewer]) -> None:
    for viewer in list(viewers):
        viewer.drop()
