"""A real OctoPrint with its virtual printer, on loopback, in a folder of its own.

    with octoprint(tmp_path) as host:
        host.address, host.key

Nothing is awaited from the network, nothing heats slowly, no simulated line errors: a print of some
hundred lines takes seconds. Needs about 2 s to start and 80 MB.
"""

import http.client
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from peers import cache

REQUIREMENTS = Path(__file__).with_name("octoprint.txt")
READY_LIMIT_S = 60
KEY = "A" * 43
PERSON = "ada"
PASSWORD = "a throw-away password"

_CONFIG = {
    "server": {
        "firstRun": False,
        "onlineCheck": {"enabled": False},
        "pluginBlacklist": {"enabled": False},
        "secretKey": "throw-away",
        "seenWizards": dict.fromkeys(["tracking", "backup", "achievements", "healthcheck"])
        | {"corewizard": 4, "classicwebcam": 1},
    },
    "accessControl": {"salt": "throw-away"},
    "serial": {
        "port": "VIRTUAL",
        "baudrate": 115200,
        "autoconnect": True,
        "log": False,
        "timeout": {"temperature": 1, "temperatureTargetSet": 1},
    },
    "webcam": {"timelapse": {"type": "off"}},
    "temperature": {"sendAutomatically": False},
    "gcodeAnalysis": {"runAt": "never"},
    "plugins": {
        "_disabled": [
            "softwareupdate",
            "announcements",
            "tracking",
            "errortracking",
            "discovery",
            "pluginmanager",
            "health_check",
            "achievements",
            "backup",
        ],
        "virtual_printer": {
            "_config_version": 1,
            "enabled": True,
            "simulated_errors": [],  # the default stalls a print at lines 100 to 115
            "sendWait": False,
            "rxBuffer": 1024,
            "commandBuffer": 4,  # so that a pause is soon a pause
            "ambientTemperature": 21.3,
        },
    },
}


@dataclass(frozen=True)
class OctoPrint:
    """A running host. `kill` ends it as a power cut would; `ask` speaks to it as an admin."""

    address: str
    key: str
    process: subprocess.Popen[bytes]
    ready_s: float

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, path: str, body: object = None) -> object:
        """GET, or POST `body`, with the admin's key; the answer's JSON, or nothing where it has none."""
        request = urllib.request.Request(
            self.address + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Api-Key": self.key, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def printer_state(self) -> str:
        answer = self.ask("/api/connection")
        assert isinstance(answer, dict)
        return str(answer["current"]["state"])

    def send(self, command: str) -> None:
        """Send the printer a line, or make the virtual one fail: "!!DEBUG:trigger_fatal_error_marlin"."""
        self.ask("/api/printer/command", {"command": command})

    def settle(self) -> None:
        """Bring the printer back to rest, whatever was done to it."""
        state = self.printer_state()
        if state.startswith(("Printing", "Paus", "Resum", "Start")):
            self.ask("/api/job", {"command": "cancel"})
        elif state.startswith(("Closed", "Offline", "Error")):
            self.ask("/api/connection", {"command": "connect"})
        self.await_state("Operational")

    def await_state(self, state: str) -> None:
        limit = time.monotonic() + READY_LIMIT_S
        while self.printer_state() != state:
            if time.monotonic() > limit:
                raise TimeoutError(f"still {self.printer_state()}, not {state}")
            time.sleep(0.05)

    def await_temperatures(self) -> None:
        limit = time.monotonic() + READY_LIMIT_S
        while '"actual"' not in json.dumps(self.ask("/api/printer")):
            if time.monotonic() > limit:
                raise TimeoutError("no temperatures")
            time.sleep(0.05)


@contextmanager
def octoprint(folder: Path) -> Iterator[OctoPrint]:
    """Run an OctoPrint with its files in `folder`, ready to print, and end it afterwards."""
    program = cache.environment("octoprint", REQUIREMENTS) / "octoprint"
    _seed(folder, program)
    port = _free_port()
    begun = time.monotonic()
    with (folder / "output.txt").open("wb") as output:
        command = [str(program), "serve", "--basedir", str(folder), "--iknowwhatimdoing"]
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _await_start(process, f"http://127.0.0.1:{port}", folder / "output.txt")
        host = OctoPrint(f"http://127.0.0.1:{port}", KEY, process, time.monotonic() - begun)
        host.await_state("Operational")
        host.await_temperatures()
        yield OctoPrint(host.address, KEY, process, time.monotonic() - begun)
    finally:
        _end(process)


def _seed(folder: Path, program: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(_CONFIG))
    add = [str(program), "--basedir", str(folder), "user", "add", PERSON, "--password", PASSWORD, "--admin"]
    subprocess.run(add, check=True, capture_output=True, timeout=60)
    users = yaml.safe_load((folder / "users.yaml").read_text())
    users[PERSON]["apikey"] = KEY
    (folder / "users.yaml").write_text(yaml.safe_dump(users))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_start(process: subprocess.Popen[bytes], address: str, output: Path) -> None:
    request = urllib.request.Request(f"{address}/api/version", headers={"X-Api-Key": KEY})
    limit = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < limit and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()  # still starting: it answers 503 until its parts are there
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            pass  # not there yet, or there with half of itself
        time.sleep(0.05)
    raise TimeoutError(f"OctoPrint did not start:\n{output.read_text()[-4000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
