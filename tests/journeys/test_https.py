"""Encrypted on a name that is not loopback, by our own authority, with a bridge that pins it."""

import socket
import ssl
import urllib.request

import pytest
from journeys import steps
from journeys.bridges import RemoteBridge
from journeys.product import product as run_product
from journeys.steps import await_state
from journeys.visitor import visitor
from playwright.sync_api import expect

from glassbed.processes import authority

pytestmark = [pytest.mark.journey, pytest.mark.peer, pytest.mark.timeout(180)]


@pytest.fixture
def secure_product():
    with run_product("https://glassbed.test:{port}", tls="local") as running:
        yield running


@pytest.fixture
def own_files(tmp_path):
    """A certificate as an operator brings it, and the authority that browsers trust for it."""
    cert, key = authority.certificate_for(tmp_path, "https://localhost")
    return {"tls_cert": str(cert), "tls_key": str(key)}, authority.folder(tmp_path) / "root.pem"


def headers_of(url, trusted):
    """Ask as a browser that trusts this authority; the name and the whole chain are checked."""
    context = ssl.create_default_context(cafile=str(trusted))
    with urllib.request.urlopen(url, context=context, timeout=10) as answer:
        return answer.headers


@pytest.fixture
def bridge(tmp_path):
    remote = RemoteBridge(tmp_path / "bridge")
    yield remote
    remote.end()


def plain_answer(port):
    """What the port says to somebody who speaks plain HTTP."""
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        line.sendall(f"GET /accounts/login/ HTTP/1.1\r\nHost: glassbed.test:{port}\r\n\r\n".encode())
        try:
            return line.recv(4096)
        except ConnectionResetError:
            return b""


@pytest.mark.promise("AC-19", part="no payment pages yet")
def test_the_main_job_over_tls_with_a_bridge_that_pins_the_authority(
    secure_product, browser, bridge, octoprint
):
    assert b" 200 " not in plain_answer(secure_product.port), "pages come encrypted or not at all"
    with visitor(browser, secure_product.public_url, ignore_https_errors=True) as owner:
        owner.sign_up("ada@glassbed.example", start=secure_product.first_link)
        cookies = {cookie["name"]: cookie for cookie in owner.context.cookies()}
        assert {"glassbed_session", "glassbed_csrf"} <= cookies.keys()
        assert all(cookie["secure"] for cookie in cookies.values())
        assert cookies["glassbed_session"]["httpOnly"]
        assert owner.page.evaluate("() => isSecureContext")
        answer = owner.page.goto(owner.url)
        assert "strict-transport-security" not in answer.headers, "nobody is bound to a private authority"

        offer = bridge.begin_pairing(
            secure_product.public_url,
            "--name",
            "Shed",
            "--fingerprint",
            authority.fingerprint(secure_product.home),
        )
        assert offer.address.startswith(secure_product.public_url)
        page = owner.open(offer.address)
        expect(page.locator("dt:text-is('Its words') + dd")).to_have_text(offer.words)
        owner.press("Approve")
        page.wait_for_url("**/bridges/")
        bridge.end_pairing()
        bridge.run()

        path = steps.bind(owner, "octoprint", octoprint.address, octoprint.key, "Far away", bridge="Shed")
        await_state(page, "ready")
        steps.upload(owner, path, "clip.gcode", steps.gcode(100))
        await_state(page, "ready")
        owner.press("Print now")
        await_state(page, "printing")
        owner.press("Cancel")
        owner.press("Cancel the print")
        await_state(page, "ready")


def test_a_bridge_with_another_fingerprint_stays_outside(secure_product, bridge):
    bridge._start("pair", secure_product.public_url, "--fingerprint", "sha256:" + "0" * 64)
    assert bridge.process.wait(20) == 1
    assert "fingerprint" in bridge.output
    assert "Code:" not in bridge.output


def test_this_machines_bridge_finds_its_way_by_the_pinned_authority(secure_product, browser):
    with visitor(browser, secure_product.public_url, ignore_https_errors=True) as owner:
        owner.sign_up("ada@glassbed.example", start=secure_product.first_link)
        owner.press("Try the demo printer")
        await_state(owner.page, "printing", 60_000)


def test_with_ones_own_certificate_files_browsers_are_told_to_stay_encrypted(browser, own_files):
    settings, root = own_files
    with run_product("https://localhost:{port}", tls="files", local_bridge="false", **settings) as running:
        for path in ("/", "/accounts/login/", "/static/mark.svg"):
            said = headers_of(running.public_url + path, root)["Strict-Transport-Security"]
            assert said == "max-age=31536000"
        assert b" 200 " not in plain_answer(running.port), "pages come encrypted or not at all"
        with visitor(browser, running.public_url, ignore_https_errors=True) as owner:
            owner.sign_up("ada@glassbed.example", start=running.first_link)
            assert all(cookie["secure"] for cookie in owner.context.cookies())
        assert running.end() == 0
