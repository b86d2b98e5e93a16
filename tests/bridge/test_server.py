import aiohttp
import pytest
from aiohttp import web

from glassbed.bridge.pairing import pair
from glassbed.bridge.server import Revoked, Server
from glassbed.bridge.tls import trust
from glassbed.protocol.clock import ServerClock
from glassbed.protocol.errors import Invalid, NotAllowed, Unavailable

BRIDGE = "0190d2a4-1111-7000-8000-000000000001"


@pytest.fixture
async def answering(identity):
    """A server that gives fixed answers; returns our view of it and what it was asked."""
    runners = []

    async def start(*answers):
        asked = []
        waiting = list(answers)

        async def answer(request):
            asked.append(request.path)
            status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            return web.Response(status=status, text=body, content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        session = aiohttp.ClientSession()
        runners.append((runner, session))
        url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        server = Server(
            url, BRIDGE, identity=identity, clock=ServerClock(), session=session, trust=trust(None)
        )
        return server, session, asked

    yield start
    for runner, session in runners:
        await session.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        (500, "oops"),
        (200, "{}"),
        (200, "[]"),
        (200, "<html>sign in to the wireless network</html>"),
        (200, '{"ticket": 5, "server_time": "x"}'),
        (302, ""),
        (409, '{"server_time": 5}'),
    ],
)
async def test_whatever_answers_instead_of_a_ticket_is_unavailable(answering, answer):
    server, _, asked = await answering(answer)
    with pytest.raises(Unavailable):
        await server.ticket()
    assert len(asked) <= 3


async def test_an_unknown_bridge_is_told_in_the_servers_words(answering):
    server, _, _ = await answering((403, '{"error": "Ada removed this bridge."}'))
    with pytest.raises(Revoked, match="Ada removed"):
        await server.ticket()
    server, _, _ = await answering((403, ""))
    with pytest.raises(Revoked, match="Pair it again"):
        await server.ticket()


async def test_a_file_that_is_not_handed_over_is_unavailable(answering):
    server, _, asked = await answering((200, '{"ticket": "t", "server_time": 5}'), (404, ""))
    with pytest.raises(Unavailable, match="404"):
        async with server.file(BRIDGE):
            pass
    assert asked[-1] == f"/bridge/files/{BRIDGE}"


OFFER = '{"pairing_id": "p", "code": "ABCD-EFGH", "approve_url": "http://x", "expires_at": 5, "poll_s": 0.1}'


async def pairing(answering, identity, *answers):
    server, session, asked = await answering(*answers)
    shown = []
    bridge_id = await pair(
        server.url, identity, name="n", session=session, trust=trust(None), show=shown.append
    )
    return bridge_id, shown, asked


async def test_a_short_trouble_of_the_server_costs_no_new_code(answering, identity):
    bridge_id, shown, asked = await pairing(
        answering, identity, (201, OFFER), (502, ""), (429, "{}"), (200, '{"bridge_id": "b"}')
    )
    assert (bridge_id, len(shown), len(asked)) == ("b", 1, 4)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([(503, "")], Unavailable),
        ([(404, "")], Invalid),
        ([(201, "{}")], Invalid),
        ([(201, OFFER), (410, "{}")], NotAllowed),
        ([(201, OFFER), (404, "")], NotAllowed),
    ],
)
async def test_a_pairing_that_can_not_be_says_why(answering, identity, answers, error):
    with pytest.raises(error) as raised:
        await pairing(answering, identity, *answers)
    assert str(raised.value)
