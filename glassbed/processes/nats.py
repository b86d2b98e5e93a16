"""The embedded bus: one nats-server on loopback with one account, no JetStream: it stores nothing."""

import json
import signal
import socket
import subprocess
from pathlib import Path

from glassbed.foundation.config import Config
from glassbed.processes.binaries import nats_server
from glassbed.processes.folder import prepare_home
from glassbed.processes.parent import die_with_parent
from glassbed.processes.running import Process, wait_until, write_private
from glassbed.protocol.errors import Unavailable

HOST = "127.0.0.1"
ACCOUNT = "glassbed"
PASSWORD_SECRET = "nats"  # noqa: S105 -- the name of the file, not its content
MAX_PAYLOAD_BYTES = 1024 * 1024
START_PATIENCE_S = 10.0
STOP_PATIENCE_S = 5.0
START_ATTEMPTS = 5


def url_of(config: Config) -> str:
    """The bus of this instance, for every process: the configured one or the embedded one that runs."""
    if config.nats_url:
        return config.nats_url
    try:
        return url_file(config.home).read_text()
    except FileNotFoundError:
        raise Unavailable(f"Glassbed does not run in {config.home}: start it with `glassbed run`.") from None


def url_file(home: Path) -> Path:
    return home / "run" / "nats-url"


def is_worth_showing(line: str) -> bool:
    """Its usual start lines are not, nor the advice against a password in a file that only we can read."""
    return "[INF]" not in line and "Plaintext passwords" not in line


class Nats:
    """One embedded server. Its port is drawn at the first start and kept, so that clients find it again."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._config_file = self.home / "run" / "nats.conf"

    @property
    def password(self) -> str:
        return Config(home=self.home).secret(PASSWORD_SECRET).hex()

    @property
    def url(self) -> str:
        return f"nats://{ACCOUNT}:{self.password}@{HOST}:{self._port}"

    def start(self, output: int = subprocess.DEVNULL) -> None:
        """Return when the server takes connections. Call it from the main thread (see `die_with_parent`)."""
        prepare_home(self.home)
        for _ in range(START_ATTEMPTS):
            self._port = _free_port()
            self.launch(output)
            if (
                wait_until(lambda: self.poll() is not None or self.is_ready(), START_PATIENCE_S)
                and self.poll() is None
            ):
                return
            self.stop()
        raise Unavailable(f"nats-server did not start on {HOST}. Its settings are in {self._config_file}.")

    def launch(self, output: int = subprocess.DEVNULL) -> Process:
        """Start the server on its port without waiting for it."""
        write_private(self._config_file, self._settings())
        write_private(url_file(self.home), self.url)
        self.process = subprocess.Popen(  # noqa: S603 -- the wheel's program, our own path
            [str(nats_server()), "--config", str(self._config_file)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={},
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 -- one prepared C call, no locks
        )
        return self.process

    def poll(self) -> int | None:
        return self.process.poll() if self.process else -1

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((HOST, self._port)) == 0

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        self._config_file.unlink(missing_ok=True)
        url_file(self.home).unlink(missing_ok=True)

    def _settings(self) -> str:
        account = json.dumps({"user": ACCOUNT, "password": self.password})
        return (
            f'host: "{HOST}"\nport: {self._port}\nmax_payload: {MAX_PAYLOAD_BYTES}\n'
            f"authorization: {account}\nlogtime: false\n"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
