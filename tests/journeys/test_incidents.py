"""Three incidents of other clouds, replayed against the running product: what people would see of them here."""

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import aiohttp
import pytest
from journeys import steps
from journeys.bridges import RemoteBridge, TreacherousLine, line_to
from journeys.steps import await_state, expect_outcome, latest_print
from playwright.sync_api import expect

from glassbed.bridge.home import Home
from glassbed.bridge.identity import Identity
from glassbed.bridge.server import Server
from glassbed.bridge.tls import trust
from glassbed.processes.live import Close
from glassbed.protocol.clock import ServerClock
from glassbed.protocol.messages import Event, Fault, Hello, Sample, encode

pytestmark = [pytest.mark.journey, pytest.mark.peer, pytest.mark.timeout(180)]

POST = """([path, body]) => fetch(path, {method: "POST", body, headers: {
    "Accept": "application/json",
    "X-CSRFToken": document.cookie.match(/glassbed_csrf=([^;]+)/)[1]}}).then((answer) => answer.status)"""


@pytest.fixture
def household(visit, tmp_path):
    """Make a household: a person with an account and a bridge, all at this one address."""
    with ExitStack() as running:

        def make(name, server):
            person = visit()
            person.sign_up(f"{name.lower()}-{time.time_ns()}@glassbed.example")
            bridge = RemoteBridge(tmp_path / name)
            running.callback(bridge.end)
            steps.pair(person, bridge, server, name)
            return person, bridge

        yield make


def await_that(condition, what, seconds=20):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.05)


def printed(octoprint, name):
    """How often OctoPrint has printed this file, by its own count."""
    folders = octoprint.ask("/api/files?recursive=true")["files"]
    files = [file for folder in folders for file in folder.get("children", [folder])]
    counts = [file.get("prints", {}) for file in files if file["name"].startswith(name)]
    return sum(count.get("success", 0) + count.get("failure", 0) for count in counts)


def test_2023_a_start_whose_answer_was_lost_and_that_is_said_again_prints_once(household, product, octoprint):
    """Start messages that were queued and sent again after an outage began prints hours later, on full plates."""
    with line_to(product.port, TreacherousLine) as line:
        person, _bridge = household("Night", line.url)
        path = steps.bind(person, "octoprint", octoprint.address, octoprint.key, "Asleep", bridge="Night")
        page = person.page
        steps.upload(person, path, "once.gcode", steps.gcode(150))
        await_state(page, "ready")
        links, line.loses_answers = line.links, True
        page.get_by_role("button", name="Print now").click(no_wait_after=True)
        octoprint.await_state("Printing")
        line.cut()
        expect(page.get_by_text("Look before you try again.").first).to_be_visible()
        await_that(lambda: line.links > links, "the bridge comes back")
        await_state(page, "printing")
        for _ in range(3):
            line.repeat_order()
        expect(page.locator(".queue-item")).to_have_count(0)
        expect_outcome(latest_print(page), "Printing")

        octoprint.await_state("Operational")
        await_state(page, "ready")
        line.repeat_order()
        links = line.links
        line.cut()
        await_that(lambda: line.links > links, "the bridge comes back again")
        line.repeat_order()
        await_state(page, "ready")
        expect_outcome(latest_print(page), "Completed")
        await_that(lambda: printed(octoprint, "once"), "OctoPrint counts what it has printed")
        assert printed(octoprint, "once") == 1
        assert octoprint.printer_state() == "Operational"
        person.open("/history/")
        expect(page.locator("main tbody tr")).to_have_count(1)
        page.locator("main tbody a").first.click()
        expect(
            page.get_by_role("button", name="Print again")
        ).to_be_visible()  # with its file: the one ordered
        person.look("print-after-a-lost-answer")


async def with_the_key_of(folder, *frames):
    """Say this to the server as the bridge of this folder would; return what it says to that until it hangs up."""
    home = Home(folder)
    pairing, identity = home.pairing(), Identity.load(home)
    async with aiohttp.ClientSession() as session:
        server = Server(
            pairing.server,
            pairing.bridge_id,
            identity=identity,
            clock=ServerClock(),
            session=session,
            trust=trust(None),
        )
        ticket = await server.ticket()
        async with server.connected() as socket:
            await socket.send_str(encode(Hello(ticket=ticket)).decode())
            await socket.receive(timeout=5)  # the welcome
            for frame in frames:
                await socket.send_str(encode(frame).decode())
            said = [message.data async for message in socket]
            return said, socket.close_code


def test_2024_and_2021_a_neighbour_on_the_same_address_sees_and_controls_nothing_of_mine(
    household, product, octoprint
):
    """Any valid credential controlled any printer; and printers were offered to whoever shared a public address."""
    mine, _bridge = household("Mine", product.public_url)
    path = steps.bind(mine, "octoprint", octoprint.address, octoprint.key, "My own", bridge="Mine")
    page, printer = mine.page, path.split("/")[2]
    steps.print_at_octoprint(octoprint, "mine.gcode", steps.gcode(900))
    await_state(page, "printing")
    theirs, their_bridge = household("Theirs", product.public_url)
    seen = theirs.page

    for place in ("/", "/bridges/", "/printers/add/", "/history/"):
        theirs.open(place)
        for words in ("My own", "mine.gcode", octoprint.address):
            expect(seen.locator("main").get_by_text(words)).to_have_count(0)
    theirs.open("/bridges/")
    expect(seen.locator("main section")).to_have_count(1)
    expect(seen.get_by_role("heading", name="Theirs")).to_be_visible()

    theirs.expects("status of 40[34]")
    assert seen.goto(theirs.url + path).status == 404
    theirs.open("/bridges/")
    for kind in ("pause", "cancel", "emergency_stop", "restart"):
        assert seen.evaluate(POST, [f"{path}control/{kind}/", ""]) == 404
    assert seen.evaluate(POST, ["/live/ticket", f'{{"printers": ["{printer}"]}}']) == 403
    assert seen.evaluate(POST, ["/bridges/local/", ""]) in (403, 404)

    their_bridge.end()
    lies = (
        Event(id=str(uuid.uuid4()), printer=printer, what=Fault(at=time.time(), message="Fire!")),
        Sample(printer=printer, delta={"state": "error", "message": "Fire!"}, full=True),
    )
    with ThreadPoolExecutor(1) as elsewhere:  # the browser's event loop runs in this thread
        said, code = elsewhere.submit(asyncio.run, with_the_key_of(their_bridge.home, *lies)).result()
    assert ["not bound to this bridge" in frame for frame in said] == [True]
    assert code == Close.VIOLATION
    steps.await_more(page, "progress_ratio", 0)
    await_state(page, "printing")
    expect(page.get_by_text("Fire!")).to_have_count(0)
    mine.open(path)
    await_state(page, "printing")
    expect_outcome(latest_print(page), "Printing")
    mine.open("/bridges/")
    expect(page.get_by_text("Theirs")).to_have_count(0)
    octoprint.settle()
