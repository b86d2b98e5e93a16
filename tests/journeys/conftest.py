"""The running product and a real browser, one of each for the journeys that a worker runs."""

import shutil
from contextlib import ExitStack

import pytest
from journeys.product import product as run_product
from journeys.visitor import visitor as open_visitor
from peers.moonraker import moonraker as run_moonraker
from peers.octoprint import octoprint as run_octoprint
from playwright.sync_api import expect, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP glassbed.test 127.0.0.1",
]
OPERATOR = "operator@glassbed.example"
SOON_MS = 15_000


@pytest.fixture(scope="package")
def browser():
    """The system's Chromium. Ends with this folder: its event loop must not meet the asynchronous tests."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.fail(f"The journeys need one of {', '.join(CHROMIUM)}. Debian, Ubuntu: apt install chromium")
    expect.set_options(timeout=SOON_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="package")
def product():
    """One with open sign-up, shared by the journeys: each brings people and printers of its own."""
    with run_product(signup="open") as running:
        yield running


@pytest.fixture
def closed_product():
    """One that nobody has opened yet, as it comes."""
    with run_product() as running:
        yield running


@pytest.fixture(scope="package")
def operator_state(browser, product):
    """The operator's cookies: signed up by the first link, and this machine's bridge made theirs."""
    with open_visitor(browser, product.public_url) as operator:
        operator.sign_up(OPERATOR, start=product.first_link)
        operator.open("/bridges/")
        operator.press("Make it mine")
        operator.page.wait_for_url("**/printers/add/")
        listed = operator.page.get_by_text("found nothing that announces itself")
        expect(listed.or_(operator.page.get_by_role("link", name="Use")).first).to_be_visible(timeout=SOON_MS)
        return operator.context.storage_state()


@pytest.fixture
def visit(browser, product, operator_state):
    """Open browsers for people, once the operator has opened the house."""
    with ExitStack() as opened:

        def opening(**options):
            return opened.enter_context(open_visitor(browser, product.public_url, **options))

        yield opening


@pytest.fixture
def operator(visit, operator_state):
    return visit(storage_state=operator_state)


@pytest.fixture(scope="package")
def running_octoprint(tmp_path_factory):
    with run_octoprint(tmp_path_factory.mktemp("octoprint") / "basedir") as host:
        yield host


@pytest.fixture
def octoprint(running_octoprint):
    yield running_octoprint
    running_octoprint.settle()


@pytest.fixture(scope="package")
def running_moonraker(tmp_path_factory):
    with run_moonraker(tmp_path_factory.mktemp("moonraker"), needs_key=True) as host:
        yield host


@pytest.fixture
def moonraker(running_moonraker):
    yield running_moonraker
    running_moonraker.settle()
