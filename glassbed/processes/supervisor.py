"""`glassbed run`: starts the embedded servers and our processes in order, restarts what dies, stops all cleanly.

One thread and one loop: a selector wakes for output and signals, each child is looked at a few times a second.
"""

import argparse
import contextlib
import dataclasses
import errno
import http.client
import os
import selectors
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from types import FrameType

from glassbed.foundation.config import Config, split_address, variable, without_password
from glassbed.processes.child import Child, Program, terminal
from glassbed.processes.folder import prepare_home
from glassbed.processes.nats import Nats, is_worth_showing
from glassbed.processes.postgres import Postgres
from glassbed.processes.running import HomeLock, Records
from glassbed.protocol.errors import Conflict, GlassbedError, Invalid, Unavailable

LOOK_EVERY_S = 0.1
SETTLED_LOOK_EVERY_S = 1.0
STOP_PATIENCE_S = 10.0
IN_TURN_PATIENCE_S = 3.0
PROBE_PATIENCE_S = 1.0
ONE_REQUEST_S = 1.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
FIRST_LINK = "first-link"
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared with, not bound to


def programs(config: Config) -> list[Program]:
    """Our processes in the order of their start; they stop in the reverse order."""
    environment = serving_environment(config)

    def ours(name: str, is_ready: Callable[[], bool] | None = None) -> Program:
        return Program(name, [sys.executable, "-m", "glassbed.cli", name], environment, is_ready)

    return [
        ours("web", lambda: answers(config)),
        ours("recorder"),
        ours("worker"),
        *([local_bridge(config)] if config.local_bridge else []),
    ]


def preparation(config: Config) -> Program:
    """What runs once, between the servers and our processes: roles, migrations, policy."""
    return Program("prepare", [sys.executable, "-m", "glassbed.cli", "prepare"], child_environment(config))


def local_bridge(config: Config) -> Program:
    """A bridge like any other: it gets the way to the server and a token to be trusted by, not our settings."""
    host, port = split_address(config.listen)
    host = EVERY_ADDRESS.get(host, host)
    shown_host = f"[{host}]" if ":" in host else host
    if config.tls == "off":
        server = f"http://{shown_host}:{port}"
    elif config.tls == "local" and host in (
        "127.0.0.1",
        "localhost",
    ):  # our own certificates hold these names
        server = f"https://{host}:{port}"
    else:
        server = config.public_url
    own = {
        variable("home"): str(config.home),
        "GLASSBED_BRIDGE_HOME": str(config.home / "bridge"),
        "GLASSBED_LOCAL_SERVER": server,
        "GLASSBED_LOCAL_TOKEN": config.secret("local-bridge").hex(),
    }
    if config.tls == "local":
        from glassbed.processes import authority

        own["GLASSBED_LOCAL_FINGERPRINT"] = authority.fingerprint(config.home)
    command = [sys.executable, "-m", "glassbed.cli", "bridge", "run", "--local"]
    return Program("bridge", command, machine_environment() | own, is_vital=False)


def machine_environment() -> dict[str, str]:
    """The machine's variables without ours."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(variable(""))}
    return others | {"PYTHONUNBUFFERED": "1"}


def child_environment(config: Config) -> dict[str, str]:
    """The machine's variables, and our settings as this process read and completed them."""
    return machine_environment() | config.environment()


def serving_environment(config: Config) -> dict[str, str]:
    """For those who serve: the database's address without the deploy login's password. They have logins of their own."""
    address = config.database_url and without_password(config.database_url)
    return child_environment(dataclasses.replace(config, database_url=address))


def answers(config: Config) -> bool:
    """Whether the web process serves its health page."""
    host, port = split_address(config.listen)
    host = EVERY_ADDRESS.get(host, host)
    if config.tls == "off":
        connection = http.client.HTTPConnection(host, port, timeout=PROBE_PATIENCE_S)
    else:
        trusting = ssl._create_unverified_context()  # noqa: S323, SLF001 -- our own process on this machine, no data
        connection = http.client.HTTPSConnection(host, port, timeout=PROBE_PATIENCE_S, context=trusting)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def check_port_is_free(listen: str) -> None:
    host, port = split_address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as refused:
            if refused.errno == errno.EADDRINUSE:
                raise Conflict(
                    f"Port {port} on {host} is used by another program."
                    f" Stop it, or choose another port, for example {variable('listen')}={host}:{port + 1}."
                ) from None
            raise Invalid(f"Glassbed can't listen on {listen}: {refused.strerror}.") from None


class Supervisor:
    """The one parent of an instance. `children` and `prepare` are parameters so that others can be run too."""

    def __init__(
        self,
        config: Config,
        children: Sequence[Program] | None = None,
        prepare: Program | None = None,
        show: Callable[[str, str], None] | None = None,
    ) -> None:
        self._config = config
        self._show = show or terminal(sys.stdout)
        self._given = children
        self._prepare = prepare
        self._records = Records(config.home)
        self._selector = selectors.DefaultSelector()
        self._started: list[Child] = []
        self._signals = 0
        self._last_signal = float("-inf")
        self._welcomed = False

    def run(self) -> int:
        """Run until a signal comes or a child is hopeless; return the exit code."""
        prepare_home(self._config.home)
        with HomeLock(self._config.home), self._signals_caught():
            try:
                self._clear_the_way()
                self._start()
                while not self._signals:
                    self._turn()
            except GlassbedError as wrong:
                if not self._signals:
                    self._show("", f"\nGlassbed stops: {wrong}")
                    return 1
            finally:
                self._stop()
            return 0

    def _clear_the_way(self) -> None:
        # the embedded database is adopted by itself; with another database configured it is an orphan too
        keep = frozenset() if self._config.database_url else frozenset({"postgres"})
        for name in self._records.end_orphans(keep):
            self._show("glassbed", f"ended {name}, which a killed Glassbed had left behind")
        check_port_is_free(self._config.listen)

    def _start(self) -> None:
        if not self._config.database_url:
            self._start_postgres()
        nats_url = self._config.nats_url or self._start_nats()
        passed_on = {variable("nats_url"): nats_url}
        prepare = self._prepare or (preparation(self._config) if self._given is None else None)
        if prepare:
            self._run_once(_with(prepare, passed_on))
        for program in programs(self._config) if self._given is None else self._given:
            # a bridge has no business on the bus
            known = program if program.name == "bridge" else _with(program, passed_on)
            self._add(Child.of(known, self._show)).start()
            self._note(self._started[-1])

    def _start_postgres(self) -> None:
        postgres = Postgres(self._config.home)
        # its output goes to its own file, which stays open for it if we are killed
        child = Child(
            "postgres",
            lambda _: postgres.launch(),
            self._show,
            is_ready=postgres.is_ready,
            stop_signal=signal.SIGINT,
            stop=postgres.stop,
        )
        self._add(child)
        postgres.start(lambda: bool(self._signals))
        assert postgres.process
        child.watch(postgres.process, ready=True)
        self._note(child)

    def _start_nats(self) -> str:
        nats = Nats(self._config.home)

        def show(name: str, line: str) -> None:
            if is_worth_showing(line):
                self._show(name, line)

        child = Child("nats", nats.launch, show, is_ready=nats.is_ready, stop=nats.stop)
        self._add(child)
        nats.start(child.output.writer)
        assert nats.process
        child.watch(nats.process, ready=True)
        self._note(child)
        return nats.url

    def _run_once(self, program: Program) -> None:
        child = self._add(Child.of(program, self._show))
        child.start()
        self._note(child)
        while not child.has_ended() and not self._signals:
            self._select()
        child.output.drain()
        code = child.process.poll() if child.process else None
        if code and not self._signals:
            raise Unavailable(
                f"{program.name} failed (exit code {code}). Its last lines:\n{child.last_lines()}"
            )
        if code is not None:
            self._remove(child)

    def _turn(self) -> None:
        self._select()
        for child in self._started:
            if child.look():
                self._note(child)
        if not self._welcomed and all(
            child.is_ready for child in self._started if child.name in ("postgres", "web")
        ):
            self._welcome()

    def _welcome(self) -> None:
        self._welcomed = True
        self._show("", f"\n  Glassbed is ready:  {self._config.public_url}")
        link = self._config.home / "run" / FIRST_LINK
        if link.exists() and sys.stdout.isatty():
            self._show("", f"  You are its operator:  {link.read_text().strip()}  (works once)")
        elif link.exists():
            self._show("", f"  The operator's one-time link is in {link}")
        self._show("", f"  Data: {self._config.home}   Stop: Ctrl-C\n")

    def _add(self, child: Child) -> Child:
        self._started.append(child)
        self._selector.register(child.output.reader, selectors.EVENT_READ, child.output.drain)
        return child

    def _remove(self, child: Child) -> None:
        self._started.remove(child)
        self._records.forget(child.name)
        self._selector.unregister(child.output.reader)
        child.output.close()

    def _note(self, child: Child) -> None:
        if child.process:
            self._records.note(child.name, child.process.pid, child.stop_signal)

    def _select(self) -> None:
        settled = self._welcomed and all(child.is_ready for child in self._started)
        for key, _ in self._selector.select(SETTLED_LOOK_EVERY_S if settled else LOOK_EVERY_S):
            key.data()

    def _stop(self) -> None:
        """End our processes in reverse order, each with a head start over the one it depends on, then the servers."""
        deadline = time.monotonic() + STOP_PATIENCE_S
        signals = self._signals
        processes = [child for child in reversed(self._started) if child.stop is None]
        for child in processes:
            child.signal(child.stop_signal)
            in_turn = min(deadline, time.monotonic() + IN_TURN_PATIENCE_S)
            self._wait([child], in_turn, signals)
        self._wait(processes, deadline, signals)
        for child in processes:
            if not child.has_ended():
                self._show("glassbed", f"{child.name} did not end by itself and is killed")
                child.kill()
        self._wait(processes, time.monotonic() + IN_TURN_PATIENCE_S, self._signals)
        for child in reversed(self._started):
            if child.stop:
                child.stop()
        for child in list(self._started):
            child.output.drain()
            self._remove(child)
        (self._config.home / "run" / "children.json").unlink(missing_ok=True)

    def _wait(self, children: Sequence[Child], deadline: float, signals: int) -> None:
        """Wait for ends until the deadline; a second Ctrl-C (a higher count of signals) ends the waiting."""
        while time.monotonic() < deadline and self._signals <= signals:
            if all([child.has_ended() for child in children]):  # noqa: C419 -- collect every one of them
                return
            self._select()

    @contextlib.contextmanager
    def _signals_caught(self) -> Iterator[None]:
        """Wake the loop's selector by signals: to stop, and at a child's end."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        self._selector.register(reader, selectors.EVENT_READ, lambda: reader.recv(4096))
        former = {number: signal.signal(number, self._count_signal) for number in STOP_SIGNALS}
        former[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        former_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former_fd)
            for number, handler in former.items():
                signal.signal(number, handler)
            self._selector.close()
            reader.close()
            writer.close()

    def _count_signal(self, _number: int, _frame: FrameType | None) -> None:
        # make, a shell and the system may all pass on the same signal; only a later one means impatience
        now = time.monotonic()
        if now - self._last_signal > ONE_REQUEST_S:
            self._signals += 1
        self._last_signal = now


def _with(program: Program, environment: Mapping[str, str]) -> Program:
    return dataclasses.replace(program, environment={**program.environment, **environment})


def main(argv: Sequence[str]) -> int:
    argparse.ArgumentParser(
        prog="glassbed run", description="Start Glassbed with everything it needs, until Ctrl-C or SIGTERM."
    ).parse_args(argv)
    return Supervisor(Config.load()).run()
