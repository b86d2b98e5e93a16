"""Data folders for real servers, and a supervisor that runs in a process of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# Where the database's account can reach it: pytest's own folders are closed to others.
RUN = """
import json, sys
from glassbed.foundation.config import Config
from glassbed.processes.child import Program
from glassbed.processes.supervisor import Supervisor, answers
from glassbed.protocol.errors import GlassbedError
import os
config = Config.load()
children, prepare = json.loads(sys.argv[1])
def program(name, command):
    return Program(name, command, dict(os.environ), (lambda: answers(config)) if name == "web" else None, 0.5)
try:
    sys.exit(Supervisor(config, [program(*c) for c in children], prepare and program(*prepare)).run())
except GlassbedError as error:
    sys.exit(str(error))
"""
WEB = """
import os, sys, http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["GLASSBED_NATS_URL"].encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""


def processes_naming(text):
    """Ids of running processes whose command line or working folder holds the text."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in line or text in str((folder / "cwd").readlink()):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="gb-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    left = processes_naming(str(folder))
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder)
    assert not left, "a test left processes behind"


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Instance:
    def __init__(self, home, port, children, prepare, environment):
        self.home, self.port = home, port
        self.output = ""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("GLASSBED_")}
        variables |= {
            "GLASSBED_HOME": str(home),
            "GLASSBED_LISTEN": f"127.0.0.1:{port}",
            "PYTHONUNBUFFERED": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, json.dumps([children, prepare])],
            env=variables | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def children(self):
        try:
            rows = json.loads((self.home / "run" / "children.json").read_text())
        except FileNotFoundError:
            return {}
        return {row["name"]: row["pid"] for row in rows}

    def wait_ready(self):
        for line in self.process.stdout:
            self.output += line
            if "Stop: Ctrl-C" in line:
                return self
        raise AssertionError(self.output)

    def end(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        self.output += self.process.communicate(timeout=40)[0]
        return self.process.returncode


@pytest.fixture
def start(home, free_port):
    """Start an instance on `home` with other programs than ours: a small web server and a sleeper."""
    started = []

    def begin(children=None, prepare=None, port=None, environment=None):
        port = port or free_port
        usual = [["web", [sys.executable, "-c", WEB, str(port)]], ["worker", ["/bin/sleep", "600"]]]
        instance = Instance(
            home,
            port,
            usual if children is None else children,
            prepare or ["prepare", ["/bin/true"]],
            environment or {},
        )
        started.append(instance)
        return instance

    yield begin
    for instance in started:
        instance.end()
