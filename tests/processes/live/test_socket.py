"""One socket against a server that holds back, lets go, or says by an error that the peer has left."""

import asyncio

import pytest

from glassbed.processes.live import Close, Timing
from glassbed.processes.live.socket import Gone, Socket
from glassbed.protocol import messages

pytestmark = pytest.mark.timeout(20)
PING = messages.encode(messages.Ping()).decode()
CUT = {"type": "websocket.disconnect"}


class Line:
    """The server's side of one socket: `frames` arrive, `sent` is what was written while it took anything."""

    def __init__(self, **seconds):
        self.frames = asyncio.Queue()
        self.frames.put_nowait({"type": "websocket.connect"})
        self.sent = []
        self.takes = asyncio.Event()
        self.takes.set()
        self.writing = asyncio.Event()
        self.failure = None
        self.socket = Socket(self.frames.get, self._send, Timing(**seconds))

    async def _send(self, event):
        self.writing.set()
        await self.takes.wait()
        if self.failure is not None:
            raise self.failure
        self.sent.append(event)

    def arrives(self, text):
        self.frames.put_nowait({"type": "websocket.receive", "text": text})

    @property
    def texts(self):
        return [event["text"] for event in self.sent if event["type"] == "websocket.send"]

    @property
    def code(self):
        assert self.sent[-1]["type"] == "websocket.close"
        return self.sent[-1]["code"]


@pytest.fixture
async def line():
    found = Line(goodbye_s=0.5)
    await found.socket.accept()
    return found


async def ignore(frame):
    pass


async def test_a_peer_that_leaves_a_thousand_frames_unread_is_cut(line):
    line.takes.clear()
    running = asyncio.create_task(line.socket.run(ignore))
    line.writing.clear()
    line.socket.post_text("0")
    await line.writing.wait()  # the writer hangs on it
    for number in range(1, 1001):
        line.socket.post_text(str(number))
    assert not running.done()
    line.socket.post_text("one too many")
    await running
    assert line.texts == []  # nor was it waited for longer than for a goodbye


async def test_a_thousand_unread_frames_end_with_the_code_to_try_later(line):
    for number in range(1001):
        line.socket.post_text(str(number))
    await line.socket.run(ignore)
    assert line.code == Close.TRY_LATER


async def test_the_last_word_reaches_a_peer_that_is_written_to_at_that_moment(line):
    line.takes.clear()
    line.writing.clear()
    running = asyncio.create_task(line.socket.run(ignore))
    line.socket.post_text("under way")
    await line.writing.wait()
    line.socket.post_text("queued")
    line.socket.end(Close.ASK_AGAIN, messages.Again())
    line.takes.set()
    await running
    assert line.texts[0] == "under way"
    assert line.texts[-1] == messages.encode(messages.Again()).decode()
    assert line.code == Close.ASK_AGAIN


async def test_the_first_reason_to_end_counts_and_drops_what_is_queued(line):
    line.takes.clear()
    line.writing.clear()
    running = asyncio.create_task(line.socket.run(ignore))
    line.socket.post_text("under way")
    await line.writing.wait()
    line.socket.post_text("queued")
    line.socket.end(Close.REVOKED)
    line.socket.end(Close.ASK_AGAIN, messages.Again())
    for _ in range(10):
        await asyncio.sleep(0)  # until the end was noticed
    line.takes.set()
    await running
    assert line.texts == ["under way"]
    assert line.code == Close.REVOKED


@pytest.mark.parametrize("error", [RuntimeError("closed"), BrokenPipeError()])
async def test_a_server_that_fails_to_write_means_that_the_peer_has_left(line, error):
    line.failure = error
    line.socket.post_text("to nobody")
    await line.socket.run(ignore)  # returns, and nothing more is said
    assert line.sent == [{"type": "websocket.accept"}]
    with pytest.raises(Gone):
        line.frames.put_nowait({"type": "websocket.connect"})
        await line.socket.accept()


@pytest.mark.parametrize("error", [RuntimeError("closed"), ConnectionResetError()])
async def test_a_server_that_fails_to_read_means_that_the_peer_has_left(error):
    async def fail():
        raise error

    socket = Socket(fail, None, Timing())
    with pytest.raises(Gone):
        await socket.ticket(messages.decode_from_browser)
    await asyncio.wait_for(socket.run(ignore), 1)


async def test_a_close_that_the_peer_does_not_take_is_not_waited_for(line):
    line.takes.clear()
    await asyncio.wait_for(line.socket.close(Close.TRY_LATER), 1)
    assert line.sent == [{"type": "websocket.accept"}]


async def test_an_error_of_ours_is_not_taken_for_the_peers(line):
    async def fail(frame):
        raise KeyError(frame)

    line.arrives(PING)
    with pytest.raises(KeyError):
        await line.socket.run(fail)


async def test_the_end_of_the_peer_ends_the_reading_and_the_writing(line):
    heard = []

    async def note(frame):
        heard.append(frame)

    line.arrives(PING)
    line.frames.put_nowait(CUT)
    await line.socket.run(note)
    assert heard == [PING]
    assert line.sent == [{"type": "websocket.accept"}]


async def test_binary_frames_are_a_violation(line):
    line.frames.put_nowait({"type": "websocket.receive", "bytes": PING.encode()})
    await line.socket.run(ignore)
    assert line.code == Close.VIOLATION
