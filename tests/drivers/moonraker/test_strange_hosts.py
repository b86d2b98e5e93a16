"""The driver before hosts that are no Moonraker, or not as they should be, and before odd addresses."""

import asyncio
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web

from glassbed.drivers import http
from glassbed.drivers.interface import HostFault, HostUnreachable
from glassbed.drivers.moonraker import driver as driver_module
from glassbed.drivers.moonraker.driver import MoonrakerDriver
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import Found
from glassbed.protocol.reading import State


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def served(session):
    """Serve one answer to every request, as a host that is no Moonraker, and return a driver for it."""
    runners = []

    async def serve(handler) -> MoonrakerDriver:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        return MoonrakerDriver(f"http://127.0.0.1:{port}", "secret", session)

    yield serve
    for runner in runners:
        await runner.cleanup()


def on_the_socket(act):
    """Return a handler that answers as Moonraker does until its websocket is open, and then acts."""

    async def handle(request):
        if request.path != "/websocket":
            return web.json_response({"result": {"klippy_state": "ready"}})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await act(socket)
        await socket.receive()
        return socket

    return handle


async def test_the_key_does_not_follow_a_redirect(served):
    asked = []

    async def elsewhere(request):
        asked.append(request.path)
        raise web.HTTPFound("/elsewhere")

    driver = await served(elsewhere)

    with pytest.raises(HostFault, match="elsewhere"):
        await driver.facts()
    with pytest.raises(HostFault, match="elsewhere"):
        await anext(driver.readings())
    assert asked == ["/server/info", "/server/info"]


async def test_a_page_of_something_else_is_no_moonraker(served):
    async def page(request):
        return web.Response(text="<html>A router</html>", content_type="text/html")

    driver = await served(page)

    with pytest.raises(ProtocolViolation):
        await driver.facts()
    with pytest.raises(ProtocolViolation):
        await anext(driver.readings())


async def test_an_endless_answer_is_cut_off(served):
    sent = []

    async def endless(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        with suppress(ConnectionError):
            while True:
                await answer.write(b" " * 65536)
                sent.append(65536)
        return answer

    driver = await served(endless)

    with pytest.raises(ProtocolViolation, match="more than"):
        await driver.facts()
    assert sum(sent) < 20 * http.ANSWER_LIMIT_BYTES  # the sockets' buffers take some


async def test_a_host_that_says_nothing_on_its_socket_is_unreachable(served, monkeypatch):
    monkeypatch.setattr(driver_module, "ANSWER_LIMIT_S", 0.5)

    async def silent(socket):
        await asyncio.sleep(2)

    driver = await served(on_the_socket(silent))

    with pytest.raises(HostUnreachable, match="does not say"):
        await anext(driver.readings())


async def test_a_host_that_closes_the_socket_is_unreachable(served):
    driver = await served(on_the_socket(lambda socket: socket.close()))

    with pytest.raises(HostUnreachable):
        await anext(driver.readings())


async def test_nonsense_on_the_socket_is_a_violation(served):
    driver = await served(on_the_socket(lambda socket: socket.send_bytes(b"\x00\xff")))

    with pytest.raises(ProtocolViolation):
        await anext(driver.readings())


async def test_a_talkative_host_gives_no_more_than_four_readings_a_second(served):
    async def talk(socket):
        await socket.send_json({"id": 2, "result": {"klippy_state": "startup"}})
        for _ in range(100):
            await socket.send_json({"method": "notify_klippy_disconnected"})
            await asyncio.sleep(0.01)
        await socket.close()

    driver = await served(on_the_socket(talk))
    readings = []
    began = asyncio.get_running_loop().time()

    with suppress(HostUnreachable):  # when it has talked enough
        async for reading in driver.readings():
            readings.append(reading)  # noqa: PERF401 -- what came before the end counts

    talked_s = asyncio.get_running_loop().time() - began
    assert 3 <= len(readings) <= 4 * talked_s + 2


async def test_a_moonraker_behind_a_proxy_that_is_down_is_unreachable(served):
    async def gateway(request):
        return web.Response(status=502, text="Bad Gateway")

    driver = await served(gateway)

    with pytest.raises(HostUnreachable):
        await driver.facts()


async def test_a_report_that_lags_behind_the_answer_does_not_undo_the_order(served):
    status = {"webhooks": {"state": "ready"}, "print_stats": {"state": "printing", "filename": "a.gcode"}}
    answers = {
        "/server/info": {"klippy_state": "ready"},
        "/printer/objects/query": {"status": status},
        "/printer/print/pause": "ok",
    }
    paused = asyncio.Event()

    async def speak(socket):
        for number, result in enumerate(
            [{}, answers["/server/info"], {"objects": [*status]}, {"status": status}]
        ):
            await socket.send_json({"id": number + 1, "result": result})
        await paused.wait()
        for state in ("printing", "printing", "paused"):
            await socket.send_json(
                {"method": "notify_status_update", "params": [{"print_stats": {"state": state}}]}
            )
            await asyncio.sleep(0.3)
        await socket.close()

    async def handle(request):
        if request.path == "/websocket":
            return await on_the_socket(speak)(request)
        if request.path == "/printer/print/pause":
            paused.set()
        return web.json_response({"result": answers[request.path]})

    driver = await served(handle)
    states = []
    with suppress(HostUnreachable):  # when it has said all
        async for reading in driver.readings():
            states.append(reading.state)
            if len(states) == 1:
                await driver.pause()

    assert states == [State.PRINTING, State.PAUSING, State.PAUSING, State.PAUSED]


# -- addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("voron.local", "http://voron.local:7125"),
        ("voron.local/", "http://voron.local:7125"),
        ("voron.local:7126", "http://voron.local:7126"),
        ("[fe80::1]", "http://[fe80::1]:7125"),
        ("http://voron.local/", "http://voron.local"),
        ("https://voron.example/printer1", "https://voron.example/printer1"),
    ],
)
async def test_a_bare_host_is_asked_at_moonrakers_own_port(given, asked, session):
    assert MoonrakerDriver(given, None, session)._rest.address == asked


@pytest.mark.parametrize("given", ["", "http://", "voron:port", "ftp://voron", "http://voron:99999", "a b"])
async def test_an_address_that_is_none_is_unreachable(given, session):
    with pytest.raises(HostUnreachable):
        await MoonrakerDriver(given, None, session).facts()
    with pytest.raises(HostUnreachable):
        await anext(MoonrakerDriver(given, None, session).readings())


@pytest.mark.parametrize(
    ("properties", "address"),
    [({"route_prefix": ""}, "http://10.0.0.7:7125"), ({"route_prefix": "/one/"}, "http://10.0.0.7:7125/one")],
)
def test_an_announced_host_is_found_with_its_own_name(properties, address):
    name = "Moonraker @ voron._moonraker._tcp.local."

    assert MoonrakerDriver.announced(name, "10.0.0.7", 7125, properties) == Found(
        driver="moonraker", address=address, name="voron"
    )
