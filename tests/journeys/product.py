"""The real product, started as a person starts it, in a data folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_LIMIT_S = 60
STOP_LIMIT_S = 40


@dataclass(frozen=True)
class Product:
    """A running `glassbed run`. `public_url` is what people type, `port` where it listens on loopback."""

    public_url: str
    port: int
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return (self.home / "journey.out").read_text(errors="replace")

    @property
    def first_link(self) -> str:
        return (self.home / "run" / "first-link").read_text().strip()

    def end(self) -> int:
        """Stop as Ctrl-C does, by the id of this process alone."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_LIMIT_S)


def without_settings() -> dict[str, str]:
    """The environment, without what whoever runs the tests has set for a Glassbed of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GLASSBED_")}


@contextmanager
def product(public_url: str = "http://127.0.0.1:{port}", **settings: str) -> Iterator[Product]:
    """Start, wait until pages come, and end it. `settings` by their names, as tls="local"."""
    home = Path(tempfile.mkdtemp(prefix="gb-journey-", dir="/tmp"))
    home.chmod(0o711)  # the database's own account passes through
    port = free_port()
    url = public_url.format(port=port)
    environment = without_settings() | {f"GLASSBED_{name.upper()}": value for name, value in settings.items()}
    environment |= {
        "GLASSBED_HOME": str(home),
        "GLASSBED_LISTEN": f"127.0.0.1:{port}",
        "GLASSBED_PUBLIC_URL": url,
        "PYTHONUNBUFFERED": "1",
    }
    with (home / "journey.out").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "glassbed.cli", "run"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Product(url, port, home, process)
    try:
        _await_ready(running)
        yield running
    finally:
        if process.poll() is None:
            running.end()
        sys.stderr.write("\n".join(line for line in running.output.splitlines() if '"info"' not in line))
        shutil.rmtree(home)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(running: Product) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while "Glassbed is ready" not in running.output:
        if time.monotonic() > limit or running.process.poll() is not None:
            raise TimeoutError(f"the product did not start:\n{running.output[-4000:]}")
        time.sleep(0.05)
