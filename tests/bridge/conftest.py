"""A server that speaks the bridge's side of the contract, a line that can be cut, and the real bridge process."""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import signal
import sys
import time
import uuid
from collections import Counter

import pytest
from aiohttp import WSMsgType, web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from glassbed.bridge.home import Home, Pairing
from glassbed.bridge.identity import Identity
from glassbed.protocol.messages import (
    Command,
    Event,
    Kept,
    Print,
    Printer,
    Printers,
    Result,
    Sample,
    Watch,
    Welcome,
    decode_from_bridge,
    encode,
)

PROGRAM = """
import sys
from glassbed.bridge.main import main
from glassbed.drivers.simulated.driver import SimulatedDriver
sys.exit(main(sys.argv[1:], {"simulated": SimulatedDriver}))
"""


async def eventually(condition, seconds=10.0):
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "it did not happen in time"
        await asyncio.sleep(0.02)
    return value


class ServerPeer:
    """The server's end of the bridge's contract, over real sockets."""

    def __init__(self):
        self.skew_s = 0.0
        self.tolerance_s = 30.0
        self.bridges = {}  # bridge id → public key
        self.pairings = {}
        self.local_token = None
        self.tickets = set()
        self.revoked = set()
        self.refuse_tickets = False
        self.ticket_requests = 0
        self.printers = ()
        self.files = {}
        self.acknowledges = True
        self.links = []  # open sockets
        self.connections = 0
        self.frames = []
        self.events = Counter()  # how often each event arrived
        self.committed = {}  # event id → event, as a recorder would store them
        self.results = []
        self.samples = []
        self.file_requests = 0
        self.slow_file = None
        self.greeting = None  # instead of the welcome

    @property
    def now(self):
        return time.time() + self.skew_s

    @property
    def ended(self):
        return [event.what for event in self.committed.values() if type(event.what).__name__ == "PrintEnded"]

    def told(self, kind):
        return [event.what for event in self.committed.values() if isinstance(event.what, kind)]

    async def start(self, ssl_context=None):
        app = web.Application()
        app.add_routes(
            [
                web.post("/bridge/pair", self._pair),
                web.post("/bridge/pair/{id}", self._paired),
                web.post("/bridge/ticket", self._ticket),
                web.get("/bridge", self._link),
                web.get("/bridge/files/{id}", self._file),
                web.get("/.well-known/glassbed-ca.pem", self._ca),
            ]
        )
        self.ca_pem = ""
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=ssl_context)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def stop(self):
        await self._runner.cleanup()

    async def say(self, message):
        await self.links[-1].send_str(message if isinstance(message, str) else encode(message).decode())

    async def command(self, order, printer=None, *, lease_s=20.0, expects=(), command_id=None):
        """Give a lease; return it, so that it can be sent again."""
        command = Command(
            id=command_id or str(uuid.uuid4()),
            order=order,
            printer=printer,
            issued_at=self.now,
            expires_at=self.now + lease_s,
            expects=expects,
        )
        await self.say(command)
        return command

    async def result(self, command):
        return await eventually(lambda: next((r for r in self.results if r.id == command.id), None))

    def job(self, content, name="part.gcode", **changes):
        """Offer a file; return the order to print it."""
        print_id = str(uuid.uuid4())
        self.files[print_id] = content
        fields = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} | changes
        return Print(print_id=print_id, file_name=name, **fields)

    async def _pair(self, request):
        body = await request.json()
        pairing_id = str(uuid.uuid4())
        self.pairings[pairing_id] = {"body": body, "state": "waiting", "key": unpadded(body["public_key"])}
        if self.local_token and body.get("local_token") != self.local_token:
            return web.json_response({"error": "This server adopts nobody without its token."}, status=403)
        url = f"http://127.0.0.1:{self.port}/bridges/approve/ABCD-EFGH"
        answer = {"pairing_id": pairing_id, "code": "ABCD-EFGH", "approve_url": url}
        return web.json_response(answer | {"expires_at": self.now + 600, "poll_s": 0.1}, status=201)

    async def _paired(self, request):
        pairing_id = request.match_info["id"]
        pairing, body = self.pairings[pairing_id], await request.json()
        check(pairing["key"], body["signature"], f"glassbed-pair:{pairing_id}:{body['at']}")
        if pairing["state"] == "refused":
            return web.json_response({"error": "Somebody refused this bridge."}, status=410)
        if pairing["state"] == "approved" and abs(body["at"] - self.now) < self.tolerance_s:
            bridge_id = str(uuid.uuid4())
            self.bridges[bridge_id] = pairing["key"]
            return web.json_response({"bridge_id": bridge_id})
        return web.json_response({"state": "waiting", "server_time": self.now}, status=202)

    async def _ticket(self, request):
        body = await request.json()
        self.ticket_requests += 1
        key = self.bridges.get(body["bridge_id"])
        if key is None or body["bridge_id"] in self.revoked:
            return web.json_response({"error": "This bridge was removed."}, status=403)
        check(key, body["signature"], f"glassbed-ticket:{body['bridge_id']}:{body['at']}:{body['nonce']}")
        if abs(body["at"] - self.now) > self.tolerance_s:
            return web.json_response({"server_time": self.now}, status=409)
        ticket = str(uuid.uuid4())
        self.tickets.add(ticket)
        answer = {"ticket": ticket, "server_time": self.now, "expires_at": self.now + 60}
        return web.json_response(answer)

    async def _link(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        hello = decode_from_bridge(await socket.receive_str())
        if hello.ticket not in self.tickets or self.refuse_tickets:
            await socket.close(code=4401)
            return socket
        greeting = self.greeting or Welcome(server_time=self.now, printers=self.printers)
        await socket.send_str(encode(greeting).decode())
        self.connections += 1
        self.links.append(socket)
        try:
            async for frame in socket:
                assert frame.type is WSMsgType.TEXT
                self.frames.append(frame.data)
                await self._take(socket, decode_from_bridge(frame.data))
        finally:
            self.links.remove(socket)
        return socket

    async def _take(self, socket, message):
        match message:
            case Event():
                self.events[message.id] += 1
                if self.acknowledges:
                    self.committed.setdefault(message.id, message)
                    await socket.send_str(encode(Kept(id=message.id)).decode())
            case Result():
                self.results.append(message)
            case Sample():
                self.samples.append(message)

    async def _file(self, request):
        self.file_requests += 1
        ticket = request.headers["Authorization"].removeprefix("Bearer ")
        if ticket not in self.tickets:
            return web.Response(status=401)
        content = self.files[request.match_info["id"]]
        response = web.StreamResponse()
        await response.prepare(request)
        half = len(content) // 2
        await response.write(content[:half])
        if self.slow_file:
            await self.slow_file.wait()
        with contextlib.suppress(ConnectionError):
            await response.write(content[half:])
            await response.write_eof()
        return response

    async def _ca(self, request):
        return web.Response(text=self.ca_pem)


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check(public_key, signature, text):
    """Refuse what the key did not sign."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(unpadded(signature), text.encode())
    except InvalidSignature as error:
        raise web.HTTPForbidden(text=json.dumps({"error": "not signed by this key"})) from error


class CuttableLine:
    """A TCP line to the server. Cut, it drops both ends and takes no new connection."""

    def __init__(self, port):
        self._to = port
        self._writers = set()
        self.is_cut = False
        self.up_bytes = 0  # bridge → server

    async def start(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self):
        self.is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def heal(self):
        self.is_cut = False

    async def _accept(self, reader, writer):
        if self.is_cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer, up=True), self._pump(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _pump(self, reader, writer, *, up=False):
        with contextlib.suppress(ConnectionError):
            while content := await reader.read(65536):
                if up:
                    self.up_bytes += len(content)
                writer.write(content)
                await writer.drain()
        writer.close()


class BridgeProcess:
    """The real bridge, as its own process."""

    def __init__(self, home, env=None):
        self.home = home
        self.env = env or {}
        self.program = ("-c", PROGRAM)  # discovery finds nothing: tests stay on the loopback network
        self.process = None
        self.output = b""

    async def start(self, *arguments):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self.program,
            *(arguments or ("run",)),
            env={**os.environ, "GLASSBED_BRIDGE_HOME": str(self.home), **self.env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        while chunk := await self.process.stdout.read(4096):
            self.output += chunk

    async def wait(self):
        code = await asyncio.wait_for(self.process.wait(), 15)
        await self._reading
        return code

    async def kill(self):
        self.process.kill()
        await self.wait()

    async def stop(self):
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            return await self.wait()
        return None


@pytest.fixture
def wait_until():
    return eventually


@pytest.fixture
async def server():
    peer = ServerPeer()
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def line(server):
    cuttable = CuttableLine(server.port)
    await cuttable.start()
    yield cuttable
    await cuttable.stop()


@pytest.fixture
async def new_bridge(tmp_path):
    """Make bridge processes, and end them."""
    made = []

    def make(home=None, env=None):
        made.append(BridgeProcess(home or tmp_path / "bridge", env))
        return made[-1]

    yield make
    for bridge in made:
        await bridge.stop()


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "bridge")


@pytest.fixture
def identity(home):
    return Identity.load_or_make(home)


@pytest.fixture
async def paired_bridge(server, line, home, identity, new_bridge):
    """A bridge process that is paired over the cuttable line; not started yet."""
    bridge_id = str(uuid.uuid4())
    server.bridges[bridge_id] = identity.public_key
    home.keep_pairing(Pairing(server=f"http://127.0.0.1:{line.port}", bridge_id=bridge_id))
    bridge = new_bridge()
    bridge.id = bridge_id
    return bridge


@pytest.fixture
def new_printer():
    """A simulated printer under a name of its own."""

    def make(name=None, *, speed=60, **changes):
        printer_id = str(uuid.uuid4())
        address = f"simulated://{name or printer_id}?speed={speed}"
        return Printer(**({"id": printer_id, "driver": "simulated", "address": address} | changes))

    return make


@pytest.fixture
async def printing_bridge(server, paired_bridge, new_printer):
    """A running bridge with one connected printer."""
    printer = new_printer()
    server.printers = (printer,)
    await paired_bridge.start()
    await eventually(lambda: server.links)
    paired_bridge.printer = printer.id
    return paired_bridge


@pytest.fixture
def watch(server):
    """Watch a printer; return its state as a viewer would know it."""

    async def begin(printer):
        await server.say(Watch(printer=printer))
        return lambda: merged(server.samples, printer)

    return begin


def merged(samples, printer):
    seen = {}
    for sample in samples:
        if sample.printer == printer:
            seen = sample.delta if sample.full else seen | sample.delta
    return seen


@pytest.fixture
def set_printers(server):
    async def send(*printers):
        server.printers = printers
        await server.say(Printers(printers=printers))

    return send


SHORT_PRINT = b"M104 S60\nG28\n;LAYER_CHANGE\nG1 X10 Y10 E1 F600\n" + b"G1 X100 E5 F1200\nG1 X10 E5\n" * 20
LONG_PRINT = b"G28\n" + b";LAYER_CHANGE\nG4 S30\n" * 400


@pytest.fixture
def short_print():
    return SHORT_PRINT


@pytest.fixture
def long_print():
    return LONG_PRINT
