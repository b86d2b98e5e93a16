"""A bridge on another machine: a process of its own, started as its owner starts it, and a line that counts."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from journeys.product import without_settings

SOON_S = 20
Line = TypeVar("Line", bound="CountingLine")
# The bridge's machine finds the name as a home router would tell it.
_WITH_NAMES = """
import socket, sys
look_up = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    return look_up("127.0.0.1" if host in ("glassbed.test", b"glassbed.test") else host, *rest, **more)
socket.getaddrinfo = getaddrinfo
from glassbed.cli import main
sys.exit(main(["bridge", *sys.argv[1:]]))
"""


@dataclass(frozen=True)
class Offer:
    """What a bridge shows while it waits for its approval."""

    address: str
    code: str
    words: str


@dataclass
class RemoteBridge:
    """A bridge's folder and the process that works in it, if one does."""

    home: Path
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.home.with_suffix(".log")

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def begin_pairing(self, server: str, *arguments: str) -> Offer:
        """Run `glassbed bridge pair` up to where it waits for somebody in the browser."""
        self._start("pair", server, *arguments)
        shown = self.await_output(
            r"approve the bridge:\s+(\S+)\s+Code: (\S+)[\s\S]*if they are the same:\s+([^\n]+)"
        )
        return Offer(shown[1], shown[2], shown[3].strip())

    def end_pairing(self) -> None:
        """Wait until it was approved."""
        assert self.process
        assert self.process.wait(SOON_S) == 0, self.output

    def run(self) -> None:
        """Run `glassbed bridge run` until the link is up."""
        seen = len(re.findall("link: up", self.output))
        self._start("run")
        self.await_output(rf"(?:[\s\S]*link: up){{{seen + 1}}}")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(SOON_S)

    def await_output(self, pattern: str) -> re.Match[str]:
        limit = time.monotonic() + SOON_S
        while (found := re.search(pattern, self.output)) is None:
            if time.monotonic() > limit:
                raise TimeoutError(f"the bridge did not say {pattern!r}:\n{self.output}")
            time.sleep(0.05)
        return found

    def _start(self, *arguments: str) -> None:
        environment = without_settings() | {"GLASSBED_BRIDGE_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _WITH_NAMES, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )


class CountingLine:
    """A line on loopback that passes everything on and counts what the bridge sends."""

    def __init__(self, port: int) -> None:
        self.sent_bytes = 0
        self._port = port
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def sent_during(self, seconds: float) -> int:
        """Return how many bytes the bridge sends from now on for so long."""
        before = self.sent_bytes
        time.sleep(seconds)
        return self.sent_bytes - before

    def close(self) -> None:
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                bridge = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [bridge, server]
                threading.Thread(target=self._pass_on, args=(bridge, server, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, bridge, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counts: bool) -> None:  # noqa: FBT001 -- which direction
        with suppress(OSError):
            while content := source.recv(65536):
                self.sent_bytes += len(content) if counts else 0
                target.sendall(content)
            target.shutdown(socket.SHUT_WR)


class TreacherousLine(CountingLine):
    """A line that can be cut, lose what the bridge answers, and say again what the server has said before."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.loses_answers = False
        self.links = 0
        self.order: bytes = b""
        self._link: socket.socket | None = None
        self._saying = threading.Lock()

    def cut(self) -> None:
        """Drop what is connected; what comes from now on is connected again, and answers arrive."""
        self.loses_answers = False
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def repeat_order(self) -> None:
        """Send the newest order to print once more, byte by byte as the server sent it."""
        assert self._link
        assert self.order
        with self._saying:
            self._link.sendall(self.order)

    def _pass_on(self, source: socket.socket, target: socket.socket, counts: bool) -> None:  # noqa: FBT001 -- which direction
        with suppress(OSError):
            while content := source.recv(65536):
                if counts and source is self._link and self.loses_answers:
                    continue
                if b" 101 Switching" in content:
                    self.links, self._link = self.links + 1, target
                elif b'"print_id"' in content and target is self._link:
                    self.order = content
                with self._saying if target is self._link else nullcontext():
                    target.sendall(content)
            target.shutdown(socket.SHUT_WR)


@contextmanager
def line_to(port: int, kind: type[Line]) -> Iterator[Line]:
    line = kind(port)
    try:
        yield line
    finally:
        line.close()
