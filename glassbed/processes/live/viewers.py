"""A browser's socket: what it may see comes as it happens; a slow one gets the newest, not all."""

from collections import deque
from collections.abc import Callable

from glassbed.processes.live.socket import Close, Socket
from glassbed.protocol import messages, subjects
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.tickets import ViewerTicket

SAMPLES_WAITING_MIN = 64
SAMPLES_WAITING_EACH = 4
"""So many samples a printer may wait; more, and all are dropped for one full sample of each."""


class Viewer:
    """One open page. Not written to directly: samples are offered, frames are posted."""

    def __init__(
        self, ticket: ViewerTicket, socket: Socket, opened_at: float, on_caught_up: Callable[["Viewer"], None]
    ) -> None:
        self.printers = ticket.printers
        self.behind: set[str] = set(ticket.printers)  # they need a full sample before a delta says anything
        self.socket = socket
        self.opened_at = opened_at
        self._subjects = {subjects.person(ticket.person), subjects.session(ticket.session)}
        self._waiting: deque[str] = deque()
        self._waiting_max = max(SAMPLES_WAITING_MIN, SAMPLES_WAITING_EACH * len(ticket.printers))
        self._is_slow = False
        self._on_caught_up = on_caught_up
        socket.draw_from(self._next)

    def is_meant(self, subject: str) -> bool:
        """Say whether a `person.` or `session.` subject is about this viewer."""
        return subject in self._subjects

    def offer(self, printer: str, frame: str, *, is_full: bool) -> None:
        if is_full:
            self.behind.discard(printer)
        elif printer in self.behind:
            return
        if len(self._waiting) >= self._waiting_max:
            self._waiting.clear()
            self.behind.update(self.printers)
            self._is_slow = True
            return
        self._waiting.append(frame)
        self.socket.wake()

    def drop(self) -> None:
        """Stop the flow at once; the page asks for a new ticket."""
        self._waiting.clear()
        self.socket.draw_from(lambda: None)
        self.socket.end(Close.ASK_AGAIN, messages.Again())

    async def on_frame(self, frame: str) -> None:
        if not isinstance(messages.decode_from_browser(frame), messages.Ping):
            raise ProtocolViolation("a page says hello once")
        self.socket.post(messages.Pong())

    def _next(self) -> str | None:
        """Give the writer the next sample. It asks only when all before has left."""
        if self._waiting:
            return self._waiting.popleft()
        if self._is_slow:
            self._is_slow = False
            self._on_caught_up(self)
        return None
