"""kill -9 of each of the product's processes, one after the other, during a print: nothing is lost."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error

import pytest
from by_http import HttpVisitor
from journeys.product import product as run_product

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PATIENCE_S = 40
CHILDREN = ("web", "recorder", "worker", "bridge", "nats", "postgres")


def children(product):
    """Name → process id, as the supervisor has it."""
    found = json.loads((product.home / "run" / "children.json").read_text())
    entries = found.items() if isinstance(found, dict) else ((entry["name"], entry) for entry in found)
    return {name: entry["pid"] for name, entry in entries}


def eventually(look, what):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except (urllib.error.URLError, ConnectionError, KeyError, json.JSONDecodeError, TimeoutError):
            pass
        time.sleep(0.2)
    raise AssertionError(f"{what}, within {PATIENCE_S} s")


def test_after_any_kill_the_product_comes_back_and_has_lost_nothing():
    with run_product() as product:
        person = HttpVisitor(product.public_url)
        person.sign_up(product.first_link)
        eventually(lambda: 'action="/bridges/local/"' in person.get("/bridges/"), "the bridge waits")
        printer = re.search(r"/printers/[0-9a-f-]{36}/", person.post("/printers/demo/"))[0]
        for name in CHILDREN:
            before = children(product)[name]
            os.kill(before, signal.SIGKILL)
            eventually(lambda: children(product).get(name, before) != before, f"{name} starts again")  # noqa: B023 -- called at once
            eventually(lambda: "Demo printer" in person.get(printer), f"the page is back after {name}")
        history = eventually(lambda: person.get("/history/"), "the history")
        assert history.count('class="main"') == 1
        assert "demo.gcode" in person.get("/files/")
        verified = subprocess.run(
            [sys.executable, "-m", "glassbed.cli", "ledger", "verify"],
            env={**os.environ, "GLASSBED_HOME": str(product.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert "The ledger is whole" in verified.stdout
