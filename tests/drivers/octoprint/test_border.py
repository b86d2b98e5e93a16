"""How the driver bears hosts that are slow, broken, or something else: small servers on loopback."""

import asyncio
import json
from contextlib import aclosing

import aiohttp
import pytest
from aiohttp import web

from glassbed.drivers.http import ANSWER_LIMIT_BYTES
from glassbed.drivers.interface import HostConflict, HostFault, HostRefused, HostUnreachable, Upload
from glassbed.drivers.octoprint import driver as driver_module
from glassbed.drivers.octoprint import upload as upload_module
from glassbed.drivers.octoprint.driver import OctoPrintDriver
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import Found
from glassbed.protocol.reading import State

OPERATIONAL = {"state": {"text": "Operational", "flags": {"ready": True}, "error": ""}}


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def serve():
    """Run a web server with these handlers by path; return its address."""
    runners = []

    async def start(handlers):
        application = web.Application()
        for path, handler in handlers.items():
            application.router.add_route("*", path, handler)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        return f"http://{host}:{port}"

    yield start
    for runner in runners:
        await runner.cleanup()


def answering(body=b"", **options):
    async def handler(request):
        await request.read()
        return web.Response(body=body, **options)

    return handler


def printing(chunks, size_bytes=3):
    return Upload(name="a.gcode", size_bytes=size_bytes, chunks=chunks)


async def test_a_host_that_takes_too_long_is_unreachable(serve, session):
    async def forever(request):
        await asyncio.sleep(60)

    driver = OctoPrintDriver(await serve({"/{any:.*}": forever}), "k", session)
    driver._rest.answer_limit_s = 0.2

    with pytest.raises(HostUnreachable):
        await driver.facts()
    with pytest.raises(HostUnreachable):
        await anext(driver.readings())


async def test_a_host_that_stops_taking_a_file_is_unreachable(serve, session, monkeypatch):
    monkeypatch.setattr(upload_module, "STALL_LIMIT_S", 0.3)

    async def never_reads(request):
        await asyncio.sleep(60)

    async def chunks():
        for _ in range(1000):
            yield b"." * 64 * 1024

    handlers = {"/api/printer": answering(json.dumps(OPERATIONAL)), "/api/files/local": never_reads}
    driver = OctoPrintDriver(await serve(handlers), "k", session)

    with pytest.raises(HostUnreachable):
        await driver.print(printing(chunks(), 1000 * 64 * 1024))


async def test_a_slow_source_does_not_count_against_the_host(serve, session, monkeypatch):
    monkeypatch.setattr(upload_module, "STALL_LIMIT_S", 0.3)

    async def chunks():
        for letter in b"M", b"8", b"4":
            await asyncio.sleep(0.5)
            yield letter

    handlers = {
        "/api/printer": answering(json.dumps(OPERATIONAL)),
        "/api/files/local": answering(b"{}", status=201),
    }
    driver = OctoPrintDriver(await serve(handlers), "k", session)

    assert await driver.print(printing(chunks())) is None


async def test_a_file_that_was_taken_but_not_started_is_a_conflict(serve, session):
    async def chunks():
        yield b"M84"

    taken = answering(b'{"done": true, "effectivePrint": false}', status=201)
    handlers = {"/api/printer": answering(json.dumps(OPERATIONAL)), "/api/files/local": taken}
    driver = OctoPrintDriver(await serve(handlers), "k", session)

    with pytest.raises(HostConflict):
        await driver.print(printing(chunks()))


async def test_a_redirect_is_named_and_the_key_goes_nowhere_else(serve, session):
    asked = []

    async def other(request):
        asked.append(request.headers.get("X-Api-Key"))
        return web.Response(body=b"{}")

    elsewhere = await serve({"/{any:.*}": other})
    moved = answering(status=301, headers={"Location": f"{elsewhere}/api/version"})
    driver = OctoPrintDriver(await serve({"/{any:.*}": moved}), "k", session)

    with pytest.raises(HostFault, match=elsewhere):
        await driver.facts()
    with pytest.raises(HostUnreachable):
        await anext(driver.readings())
    assert "k" not in asked  # the push socket follows, but carries no key


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (401, b"", HostRefused, "key"),
        (403, b'{"error": "no"}', HostRefused, "key"),
        (400, b'{"error": "CSRF validation failed"}', HostRefused, "key"),
        (409, b'{"error": "Printer is not operational"}', HostConflict, "Printer is not operational"),
        (409, b"", HostConflict, "present state"),
        (400, b'{"error": "port is invalid"}', HostFault, "port is invalid"),
        (500, b"<html>", HostFault, "500"),
        (502, b"<html>", HostUnreachable, "not up"),
        (503, b"", HostUnreachable, "not up"),
    ],
)
async def test_each_refusal_has_its_meaning(serve, session, status, body, error, words):
    driver = OctoPrintDriver(await serve({"/{any:.*}": answering(body, status=status)}), "k", session)

    with pytest.raises(error, match=words):
        await driver.pause()


async def test_a_web_server_that_is_no_octoprint_is_a_violation(serve, session):
    driver = OctoPrintDriver(await serve({"/{any:.*}": answering(b"<html>It works!</html>")}), "k", session)

    with pytest.raises(ProtocolViolation):
        await driver.facts()


async def test_an_answer_without_end_is_cut_off(serve, session):
    too_much = answering(b"x" * (ANSWER_LIMIT_BYTES + 1))
    driver = OctoPrintDriver(await serve({"/{any:.*}": too_much}), "k", session)

    with pytest.raises(ProtocolViolation, match="more than"):
        await driver.facts()


async def test_something_that_speaks_no_http_is_unreachable(session):
    async def babble(reader, writer):
        writer.write(b"SSH-2.0-x\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        with pytest.raises(HostUnreachable):
            await OctoPrintDriver(f"{host}:{port}", "k", session).facts()


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:99999", "http://a b", "http://", "http://no.such.name.invalid"]
)
async def test_an_address_that_is_none_is_unreachable(session, address):
    with pytest.raises(HostUnreachable):
        await OctoPrintDriver(address, "k", session).facts()


# -- the push socket ---------------------------------------------------------------------------------------


def octoprint_that_pushes(*frames, logins, once_renewed=None, again_after_s=None):
    """Handlers of a host that pushes these frames and notes each log-in; a frame may be bytes."""

    async def log_in(request):
        assert await request.json() == {"passive": True}
        logins.append(None)
        return web.json_response({"name": "ada", "session": f"s{len(logins)}"})

    async def push(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for frame in frames:
            if isinstance(frame, bytes):
                await socket.send_bytes(frame)
            else:
                await socket.send_str(frame)
        if again_after_s:
            await asyncio.sleep(again_after_s)
            await socket.send_str(frames[-1])
        async for message in socket:
            if "auth" in (said := json.loads(message.data)):
                logins[-1] = said["auth"]
                if said["auth"] == "ada:s2":
                    await socket.send_str(once_renewed)
        return socket

    return {"/api/login": log_in, "/sockjs/websocket": push}


READY = json.dumps({"current": OPERATIONAL})
LOGIN_WANTED = '{"reauthRequired": {"reason": "stale"}}'


async def test_a_session_that_ran_out_is_renewed_and_readings_go_on(serve, session):
    logins = []
    handlers = octoprint_that_pushes(READY, LOGIN_WANTED, logins=logins, once_renewed=READY)
    async with (
        asyncio.timeout(5),
        aclosing(OctoPrintDriver(await serve(handlers), "k", session).readings()) as readings,
    ):
        assert (await anext(readings)).state is State.READY
        assert (await anext(readings)).state is State.READY

    assert logins == ["ada:s1", "ada:s2"]


async def test_a_session_that_is_never_accepted_is_refused_and_not_asked_for_without_end(serve, session):
    logins = []
    handlers = octoprint_that_pushes(LOGIN_WANTED, logins=logins)

    with pytest.raises(HostRefused):
        await anext(OctoPrintDriver(await serve(handlers), "k", session).readings())
    assert len(logins) == 1


async def test_a_host_whose_printer_is_off_may_be_silent_for_long(serve, session):
    handlers = octoprint_that_pushes(READY, logins=[], again_after_s=0.8)
    driver = OctoPrintDriver(await serve(handlers), "k", session)
    driver._rest.answer_limit_s = 0.3

    async with aclosing(driver.readings()) as readings:
        await anext(readings)
        assert (await anext(readings)).state is State.READY


async def test_a_host_that_lets_in_and_then_says_nothing_is_unreachable(serve, session, monkeypatch):
    monkeypatch.setattr(driver_module, "HEARTBEAT_S", 0.1)  # which it answers: it is alive, but no use
    driver = OctoPrintDriver(await serve(octoprint_that_pushes(logins=[])), "k", session)
    driver._rest.answer_limit_s = 0.3

    with pytest.raises(HostUnreachable):
        await anext(driver.readings())


@pytest.mark.parametrize("frame", ["nonsense", b'{"current": {}}'])
async def test_frames_that_are_none_of_octoprints_are_a_violation(serve, session, frame):
    handlers = octoprint_that_pushes(frame, logins=[])

    with pytest.raises(ProtocolViolation):
        await anext(OctoPrintDriver(await serve(handlers), "k", session).readings())


# -- announcements -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "properties", "address"),
    [
        ("192.0.2.7", {"version": "1.11.8", "path": "/"}, "http://192.0.2.7:5000"),
        ("192.0.2.7", {"path": "/octoprint/"}, "http://192.0.2.7:5000/octoprint"),
        ("2001:db8::7", {}, "http://[2001:db8::7]:5000"),
    ],
)
def test_an_announcement_names_the_whole_address(host, properties, address):
    found = OctoPrintDriver.announced("OctoPrint on mk3", host, 5000, properties)

    assert found == Found(driver="octoprint", address=address, name="OctoPrint on mk3")
