"""Which processes run: who they are beyond a number that is given again, and what a killed supervisor left."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from glassbed.protocol.errors import Conflict

ORPHAN_PATIENCE_S = 10.0
PROC = Path("/proc")
HAS_PROC = sys.platform == "linux"


class Process(Protocol):
    """The part of `subprocess.Popen` that an adopted process has too."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def send_signal(self, sig: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """A process: its id and the moment it started, because ids are used again."""

    pid: int
    started: str


def identify(pid: int) -> Identity | None:
    """Return nothing for a process that ended, even if nobody has collected it yet (a zombie)."""
    if HAS_PROC:
        fields = _stat(pid)
        if not fields or fields[0] in "ZX":
            return None
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return Identity(pid, f"{boot} {fields[19]}")
    state, _, started = _ps(pid, "state=,lstart=").partition(" ")
    return Identity(pid, started.strip()) if started and not state.startswith("Z") else None


def command_line(pid: int) -> str:
    """The program and its arguments, or nothing if it ended."""
    if not HAS_PROC:
        return _ps(pid, "command=")
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    """The fields of proc(5) stat from `state` on; the name before them may hold anything, brackets too."""
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _ps(pid: int, columns: str) -> str:
    return subprocess.run(  # noqa: S603 -- fixed program, a number and our own column names
        ["/bin/ps", "-o", columns, "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()


@dataclass(frozen=True, slots=True)
class Adopted:
    """A process that an earlier supervisor started: watched by its identity, as nobody's child."""

    identity: Identity

    @property
    def pid(self) -> int:
        return self.identity.pid

    def poll(self) -> int | None:
        return None if identify(self.pid) == self.identity else -1

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)


def wait_until(condition: Callable[[], bool], patience_s: float, pause_s: float = 0.01) -> bool:
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True


class HomeLock:
    """One supervisor a data folder: the kernel lets go of the lock however its holder ends."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._fd = -1

    def __enter__(self) -> Self:
        path = self._home / "run" / "lock"
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 20, 0).decode().strip()
            os.close(self._fd)
            raise Conflict(
                f"Glassbed already runs in {self._home}, as process {holder}."
                " Stop that one first, or set GLASSBED_HOME to another folder."
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    identity: Identity
    stop_signal: int


class Records:
    """`run/children.json`: who was started, so that the next start can end what a kill -9 left."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._path = home / "run" / "children.json"
        self._records: dict[str, Record] = {}

    def note(self, name: str, pid: int, stop_signal: int) -> None:
        if identity := identify(pid):
            self._records[name] = Record(name, identity, stop_signal)
            self._write()

    def forget(self, name: str) -> None:
        if self._records.pop(name, None):
            self._write()

    def end_orphans(self, keep: frozenset[str] = frozenset()) -> list[str]:
        """End what the file names and still is the very same process; return their names."""
        left = [record for record in reversed(self._read()) if record.name not in keep]
        ended = [record.name for record in left if self._end(record)]
        self._path.unlink(missing_ok=True)
        return ended

    def _end(self, record: Record) -> bool:
        orphan = Adopted(record.identity)
        was_running = orphan.poll() is None
        if was_running:
            orphan.send_signal(record.stop_signal)
            if not wait_until(lambda: orphan.poll() is not None, ORPHAN_PATIENCE_S):
                orphan.send_signal(signal.SIGKILL)
                wait_until(lambda: orphan.poll() is not None, ORPHAN_PATIENCE_S)
        for pid in self._workers_of(record.identity):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return was_running

    def _workers_of(self, leader: Identity) -> list[int]:
        """What an ended child left in its session. The mark in the environment rules strangers out."""
        if not HAS_PROC or identify(leader.pid):
            return []
        mark = b"GLASSBED_HOME=" + os.fsencode(self._home) + b"\0"
        session = [
            int(path.name) for path in PROC.glob("[0-9]*") if _stat(int(path.name))[3:4] == [str(leader.pid)]
        ]
        return [pid for pid in session if mark in _environment(pid)]

    def _read(self) -> list[Record]:
        try:
            rows = json.loads(self._path.read_text())
            return [
                Record(row["name"], Identity(row["pid"], row["started"]), row["stop_signal"]) for row in rows
            ]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return []

    def _write(self) -> None:
        rows = [
            {
                "name": r.name,
                "pid": r.identity.pid,
                "started": r.identity.started,
                "stop_signal": int(r.stop_signal),
            }
            for r in self._records.values()
        ]
        write_private(self._path, json.dumps(rows, indent=1) + "\n")


def _environment(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a small file in one step, so that a reader or a crash never sees half of it."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    draft.chmod(mode)
    draft.replace(path)
