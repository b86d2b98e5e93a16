"""A Glassbed at home talks to nobody outside: every process of the product, from its start to a finished demo print.

Two looks at the same run. The system's table of sockets, all the time, shows every process, also those that are no
Python; Python's own audit events show each connection and look-up of a name, however short.
"""

import ipaddress
import json
import re
import threading
import time

import psutil
import pytest
from by_http import HttpVisitor
from journeys.product import product as run_product

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.promise("TT-21", part="no outbound connection; sync to a hosted instance is missing"),
]

LOOK_EVERY_S = 0.25
REST_S = 3
PATIENCE_S = 60
PLANTED = ["planted.invalid"]
"""What the living notice asks for itself, to see the guard refuse it: this watch hears of it before the guard does."""
OUR_PROCESSES = {"run", "prepare", "web", "recorder", "worker", "bridge"}
OTHER_PROGRAMS = {"postgres", "nats-server"}
AUDIT = """
import json, os, sys
if file := os.environ.get("NOTE_CONNECTIONS_IN"):
    ASKED = {
        "socket.connect": lambda _, address: address,
        "socket.sendto": lambda _, address: address,
        "socket.sendmsg": lambda _, address: address,
        "socket.getaddrinfo": lambda host, *_: [host],
        "socket.gethostbyname": lambda host: [host],
        "socket.gethostbyaddr": lambda host: [host],
        "socket.getnameinfo": lambda address: address,
    }
    def note(event, arguments):
        if event in ASKED and (address := ASKED[event](*arguments)) is not None:
            line = json.dumps([sys.argv, event, address], default=str)
            with open(file, "a") as lines:
                lines.write(line + "\\n")
    sys.addaudithook(note)
    with open(file, "a") as lines:
        lines.write(json.dumps([sys.argv, "begun", None]) + "\\n")
"""


class Watch(threading.Thread):
    """Notes the sockets of a process and all below it until it is told to stop."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._stopped = threading.Event()
        self.looks = 0
        self.programs = set()
        self.addresses = set()  # (program, local or remote, ip)

    def run(self):
        while not self._stopped.wait(LOOK_EVERY_S):
            self.look()

    def look(self):
        for process in [self._root, *self._root.children(recursive=True)]:
            try:
                name = process.name()
                self.programs.add(name)
                for found in process.net_connections("inet"):
                    ends = {"local": found.laddr, "remote": found.raddr}
                    self.addresses |= {(name, end, address.ip) for end, address in ends.items() if address}
            except psutil.NoSuchProcess:
                continue
        self.looks += 1

    def stop(self):
        self._stopped.set()
        self.join()


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """One life of the product: start, rest, sign-up, pages, a demo print begun and cancelled, stop."""
    folder = tmp_path_factory.mktemp("audit")
    (folder / "sitecustomize.py").write_text(AUDIT)
    noted = folder / "noted.jsonl"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(folder))
        environment.setenv("NOTE_CONNECTIONS_IN", str(noted))
        with run_product() as product:
            watch = Watch(product.pid)
            watch.look()
            watch.start()
            time.sleep(REST_S)
            use(HttpVisitor(product.public_url), product.first_link)
            watch.look()
            watch.stop()
    return watch, [json.loads(line) for line in noted.read_text().splitlines()]


def use(person, first_link):
    person.sign_up(first_link)
    await_page(person, "/bridges/", 'action="/bridges/local/"')  # the bridge waits to be adopted
    printer = re.search(r"/printers/[0-9a-f-]{36}/", person.post("/printers/demo/"))[0]
    for page in ("/", printer, "/files/", "/history/", "/bridges/", "/settings/", "/privacy/"):
        person.get(page)
    await_page(person, "/history/", 'data-state="printing"')
    time.sleep(REST_S)
    person.post(f"{printer}control/cancel/")
    await_page(person, "/history/", 'data-state="cancelled"')


def await_page(person, path, text):
    limit = time.monotonic() + PATIENCE_S
    while text not in person.get(path):
        assert time.monotonic() < limit, f"{path} does not get to {text}"
        time.sleep(0.5)


def is_here(address):
    """Tell whether an address is this machine's own: loopback, a Unix socket's path, or a name that needs no asking."""
    if not isinstance(address, list):
        return True
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] in ("", "localhost")


def test_no_process_has_a_socket_that_leads_outside(life):
    watch, _ = life
    assert watch.looks > 10
    assert watch.programs >= OTHER_PROGRAMS
    assert {name for name, end, _ in watch.addresses if end == "remote"} >= {"nats-server"}
    assert [found for found in watch.addresses if not is_here([found[2]])] == []


def test_no_process_of_ours_even_tries_to_connect_or_asks_for_a_name(life):
    _, noted = life
    assert {argv[1] for argv, event, _ in noted if event == "begun"} >= OUR_PROCESSES
    assert [note for note in noted if note[1] == "socket.connect"]
    assert [note for note in noted if not is_here(note[2]) and note[2] != PLANTED] == []
