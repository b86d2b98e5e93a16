"""A real nats-server, real live processes under granian, and clients as a bridge and a browser have them."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import nats
import pytest

from glassbed.protocol import messages, tickets
from glassbed.protocol.ids import uuid7

SECRET = b"k" * 32
ORIGIN = "https://glassbed.test"
SERVER = Path(__file__).with_name("server.py")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        assert process.poll() is None
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {port}")


class Process:
    """A child on a loopback port that can be killed and started again on the same one."""

    def __init__(self, command, environment=None):
        self.port = free_port()
        self.command = [part.format(port=self.port) for part in command]
        self.environment = os.environ | (environment or {})
        self.start()

    def start(self):
        self.child = subprocess.Popen(self.command, env=self.environment, start_new_session=True)
        wait_for_port(self.port, self.child)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def run_nats():
    program = Path(sys.executable).with_name("nats-server")
    return Process([str(program), "-a", "127.0.0.1", "-p", "{port}", "-l", os.devnull])


def run_live(bus, **seconds):
    return Process(
        [sys.executable, str(SERVER), "{port}"],
        {
            "NATS_URL": f"nats://127.0.0.1:{bus.port}",
            "TIMING": " ".join(f"{name}={value}" for name, value in seconds.items()),
        },
    )


@pytest.fixture(scope="session")
def nats_server():
    server = run_nats()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def live(nats_server):
    process = run_live(nats_server)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def other_live(nats_server):
    process = run_live(nats_server)
    yield process
    process.stop()


@pytest.fixture
def started():
    processes = []
    yield processes
    for process in reversed(processes):
        process.stop()


@pytest.fixture
def start_live(started):
    def start(bus, **seconds):
        started.append(run_live(bus, **seconds))
        return started[-1]

    return start


@pytest.fixture
def start_nats(started):
    def start():
        started.append(run_nats())
        return started[-1]

    return start


@pytest.fixture
async def bus(nats_server):
    """What web, worker and recorder have of the bus."""
    client = await nats.connect(f"nats://127.0.0.1:{nats_server.port}")
    yield client
    await client.close()


def new_id():
    return str(uuid7())


class Peer:
    """One end of a socket of live."""

    def __init__(self, ws, decode):
        self.ws = ws
        self.decode = decode

    async def say(self, message):
        await self.ws.send_str(messages.encode(message).decode())

    async def hear(self, kind=None, within_s=3):
        """Return the next message, or the next of a kind."""
        deadline = time.monotonic() + within_s
        while True:
            frame = await self.ws.receive(timeout=max(0.01, deadline - time.monotonic()))
            assert frame.type is aiohttp.WSMsgType.TEXT, f"closed: {frame.type} {self.ws.close_code}"
            message = self.decode(frame.data)
            if kind is None or isinstance(message, kind):
                return message

    async def hears_nothing(self, for_s=0.4):
        try:
            frame = await self.ws.receive(timeout=for_s)
        except TimeoutError:
            return
        raise AssertionError(f"heard {frame}")

    async def close_code(self, within_s=5):
        """Read until closed, return the code."""
        async with asyncio.timeout(within_s):
            while (frame := await self.ws.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        return frame.data  # ws.close_code says 1006 when the server has gone before our own close frame


class House:
    """Opens sockets."""

    def __init__(self, session):
        self.session = session
        self.peers = []  # kept, because a socket that nobody holds is closed

    def printer(self):
        return messages.Printer(id=new_id(), driver="simulated", address="sim://1")

    async def connect(self, live, path, decode, **headers):
        ws = await self.session.ws_connect(f"http://127.0.0.1:{live.port}{path}", headers=headers)
        self.peers.append(Peer(ws, decode))
        return self.peers[-1]

    async def bridge(self, live, printers, bridge_id=None, *, welcomed=True):
        peer = await self.connect(live, "/bridge", messages.decode_from_server)
        ticket = tickets.BridgeTicket(
            bridge=bridge_id or new_id(), printers=tuple(printers), expires_at=time.time() + 60
        )
        await peer.say(messages.Hello(ticket=tickets.sign(ticket, SECRET)))
        if welcomed:
            peer.welcome = await peer.hear(messages.Welcome)
        peer.id = ticket.bridge
        return peer

    async def viewer(self, live, printers, person=None, session="a-session", **changes):
        peer = await self.connect(live, "/live", messages.decode_for_browser, Origin=ORIGIN)
        ticket = tickets.ViewerTicket(
            **{
                "person": person or new_id(),
                "session": session,
                "printers": tuple(printer.id for printer in printers),
                "expires_at": time.time() + 60,
            }
            | changes
        )
        await peer.say(messages.Hello(ticket=tickets.sign(ticket, SECRET)))
        return peer


@pytest.fixture
async def house():
    async with aiohttp.ClientSession() as session:
        yield House(session)
