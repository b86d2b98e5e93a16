"""What live does not let in, and with which code it says so."""

import contextlib
import time

import aiohttp
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from glassbed.processes.live import Close
from glassbed.protocol import messages, tickets
from glassbed.protocol.errors import ProtocolViolation

pytestmark = pytest.mark.integration

SECRET = b"k" * 32


def bridge_ticket(secret=SECRET, **changes):
    ticket = tickets.BridgeTicket(
        **{"bridge": "01890a5d-ac96-774b-bcce-b302099a8057", "printers": (), "expires_at": time.time() + 60}
        | changes
    )
    return tickets.sign(ticket, secret)


def viewer_ticket(secret=SECRET, **changes):
    person = {"person": "01890a5d-ac96-774b-bcce-b302099a8058", "session": "s", "printers": ()}
    return tickets.sign(tickets.ViewerTicket(**person | {"expires_at": time.time() + 60} | changes), secret)


PATHS = [
    ("/bridge", bridge_ticket, viewer_ticket),
    ("/live", viewer_ticket, bridge_ticket),
]


async def opened(house, live, path):
    return await house.connect(live, path, messages.decode_for_browser, Origin="https://glassbed.test")


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.test"}, {"Origin": "null"}, {}])
async def test_a_page_of_another_origin_is_refused_before_it_is_accepted(house, live, headers):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await house.connect(live, "/live", messages.decode_for_browser, **headers)
    assert refusal.value.status == 403


async def test_a_plain_request_is_told_to_upgrade(house, live):
    async with house.session.get(f"http://127.0.0.1:{live.port}/live") as response:
        assert response.status == 426


@pytest.mark.parametrize(("path", "own", "other"), PATHS)
async def test_only_a_good_ticket_of_its_kind_opens_a_socket(house, live, path, own, other):
    for bad in (
        own(secret=b"x" * 32),
        own(expires_at=time.time() - 1),
        own(issued_at=time.time() - 1, expires_at=time.time() + 7200),
        other(),
        own() + "A",
        "",
        ".",
        "é.é",
    ):
        peer = await opened(house, live, path)
        await peer.say(messages.Hello(ticket=bad))
        assert await peer.close_code() == Close.ASK_AGAIN
    peer = await opened(house, live, path)
    await peer.say(messages.Hello(ticket=own()))
    await peer.say(messages.Ping())
    await peer.hear(messages.Pong) if path == "/live" else await peer.ws.receive()
    assert not peer.ws.closed


@pytest.mark.parametrize("path", ["/bridge", "/live"])
async def test_the_first_frame_has_to_be_the_ticket(house, live, path):
    peer = await opened(house, live, path)
    await peer.say(messages.Ping())
    assert await peer.close_code() == Close.ASK_AGAIN


@pytest.mark.parametrize(("path", "own", "other"), PATHS)
async def test_another_version_and_a_second_hello_are_violations(house, live, path, own, other):
    newer = await opened(house, live, path)
    await newer.say(messages.Hello(ticket=own(), version=messages.VERSION + 1))
    assert await newer.close_code() == Close.VIOLATION
    twice = await opened(house, live, path)
    await twice.say(messages.Hello(ticket=own()))
    await twice.say(messages.Hello(ticket=own()))
    assert await twice.close_code() == Close.VIOLATION


@pytest.mark.parametrize(
    "delta",
    [{"colour": "red"}, {"bed_c": "hot"}, {"state": "melting"}, {"state": None}, {"layer": 1.5}],
)
async def test_a_delta_that_is_no_reading_is_a_violation(house, live, delta):
    printer = house.printer()
    bridge = await house.bridge(live, [printer])
    await bridge.say(messages.Sample(printer=printer.id, delta=delta))
    assert await bridge.close_code() == Close.VIOLATION


async def test_a_sample_of_anothers_printer_is_a_violation_and_goes_nowhere(house, live):
    victim = house.printer()
    await house.bridge(live, [victim])
    viewer = await house.viewer(live, [victim])
    await viewer.hear(messages.Link)
    thief = await house.bridge(live, [house.printer()])
    await thief.say(messages.Sample(printer=victim.id, delta={"state": "ready"}, full=True))
    assert await thief.close_code() == Close.VIOLATION
    await viewer.hears_nothing()


async def test_binary_frames_and_frames_over_the_limit_are_violations(house, live):
    binary = await house.bridge(live, [])
    await binary.ws.send_bytes(b'{"t":"ping"}')
    assert await binary.close_code() == Close.VIOLATION
    large = await house.bridge(live, [])
    await large.ws.send_str(" " * messages.FRAME_LIMIT_BYTES + '{"t":"ping"}')
    assert await large.close_code() == Close.VIOLATION


FRAMES = st.one_of(
    st.text(),
    st.sampled_from(["hello", "sample", "event", "result", "ping", "watch"]).flatmap(
        lambda kind: st.dictionaries(
            st.sampled_from(["id", "printer", "delta", "full", "what", "ticket", "outcome"]),
            st.none() | st.booleans() | st.floats() | st.text() | st.dictionaries(st.text(), st.integers()),
        ).map(lambda fields: str({"t": kind} | fields).replace("'", '"'))
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=FRAMES, path=st.sampled_from(["/bridge", "/live"]), is_first=st.booleans())
async def test_any_text_closes_with_a_code_and_nothing_else(house, live, frame, path, is_first):
    if is_first:
        peer = await opened(house, live, path)
    elif path == "/bridge":
        peer = await house.bridge(live, [])
    else:
        peer = await house.viewer(live, [])
    with contextlib.suppress(ProtocolViolation):
        assume(not isinstance(messages.decode_from_browser(frame), messages.Ping))
    await peer.ws.send_str(frame)
    assert await peer.close_code() in {Close.VIOLATION, Close.ASK_AGAIN}
    assert live.child.poll() is None
