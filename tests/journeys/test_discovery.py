"""Printer hosts that announce themselves are offered by name and bound without typing an address."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from journeys import steps
from journeys.steps import await_state
from playwright.sync_api import expect
from zeroconf import IPVersion, ServiceInfo, Zeroconf

pytestmark = [pytest.mark.journey, pytest.mark.peer, pytest.mark.timeout(180)]


def announcement(kind, name, port, properties):
    return ServiceInfo(
        f"_{kind}._tcp.local.",
        f"{name}._{kind}._tcp.local.",
        addresses=[socket.inet_aton("127.0.0.1")],
        port=port,
        properties=properties,
        server=f"{kind}-journey.local.",
    )


@pytest.fixture
def announced(octoprint):
    """Both hosts as they announce themselves, on loopback alone: the OctoPrint is there, the Moonraker is not."""
    workshop = {"path": "/", "version": "1.11.8", "api": "0.1"}
    voron = {"route_prefix": "printers/voron", "uuid": "0" * 32}
    port = urlsplit(octoprint.address).port
    with ThreadPoolExecutor(1) as elsewhere:  # the browser's event loop runs in this thread
        network = elsewhere.submit(Zeroconf, ["127.0.0.1"], ip_version=IPVersion.V4Only).result()
        try:
            for host in (
                announcement("octoprint", 'OctoPrint instance "Workshop"', port, workshop),
                announcement("moonraker", "Moonraker @ voron", 7125, voron),
            ):
                elsewhere.submit(network.register_service, host).result()
            yield octoprint
        finally:
            elsewhere.submit(network.close).result()


def test_announced_hosts_are_offered_and_one_is_bound_by_its_offer(operator, announced):
    page = operator.open("/printers/add/")
    offers = page.locator("section", has_text="Found on your network").get_by_role("listitem")
    workshop, voron = offers.filter(has_text="Workshop"), offers.filter(has_text="voron")
    expect(workshop).to_contain_text(announced.address)
    expect(voron).to_contain_text("http://127.0.0.1:7125/printers/voron")
    operator.look("bind-found")
    voron.get_by_role("link", name="Use").click()
    expect(page.get_by_label("Printer host")).to_have_value("moonraker")
    expect(page.get_by_label("Address")).to_have_value("http://127.0.0.1:7125/printers/voron")

    workshop.get_by_role("link", name="Use").click()
    expect(page.get_by_label("Printer host")).to_have_value("octoprint")
    expect(page.get_by_label("Address")).to_have_value(announced.address)
    expect(page.get_by_label("Name", exact=True)).to_have_value(re.compile("Workshop"))
    page.get_by_label("Key", exact=True).fill(announced.key)
    operator.press("Try and bind")
    page.wait_for_url(re.compile(r"/printers/[0-9a-f-]{36}/$"))
    await_state(page, "ready")
    steps.remove(operator, page.url.removeprefix(operator.url))
