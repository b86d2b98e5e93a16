"""One supervised process: started, watched, started again after a growing pause, and its output passed on."""

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from glassbed.processes.parent import die_with_parent
from glassbed.processes.running import Process
from glassbed.protocol.errors import Unavailable

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
SOUND_LIFE_S = 30.0
HOPELESS_DEATHS = 5
HOPELESS_WINDOW_S = 60.0
TAIL_LINES = 20
LINE_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Program:
    """A process to run: how it is called, and when it counts as ready (without a test: after `ready_after_s`)."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] | None = None
    ready_after_s: float = 10.0
    is_vital: bool = True  # without it nothing works: its hopeless end is everybody's

    def launch(self, output: int) -> Process:
        """Start it in a session of its own: a Ctrl-C at the terminal reaches the supervisor alone."""
        return subprocess.Popen(  # noqa: S603 -- commands are literals of this package
            list(self.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(self.environment),
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 -- one prepared C call, no locks
        )


class Output:
    """The reading end of a child's output: whole lines go to `show`, the last ones are kept for a report."""

    def __init__(self, name: str, show: Callable[[str, str], None]) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._name = name
        self._show = show
        self._rest = b""
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)

    def drain(self) -> None:
        """Read what is there, without waiting."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.reader, LINE_LIMIT_BYTES):
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                for line in lines:
                    self._pass_on(line)
                if len(self._rest) > LINE_LIMIT_BYTES:
                    self._pass_on(self._rest)
                    self._rest = b""

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)

    def _pass_on(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self.tail.append(text)
        self._show(self._name, text)


class Child:
    """The life of one process; the supervisor's loop calls `look` many times a second."""

    def __init__(
        self,
        name: str,
        launch: Callable[[int], Process],
        show: Callable[[str, str], None],
        *,
        is_ready: Callable[[], bool] | None = None,
        ready_after_s: float = 10.0,
        stop_signal: int = signal.SIGTERM,
        is_vital: bool = True,
        stop: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.output = Output(name, show)
        self.process: Process | None = None
        self.is_ready = False
        self.stop_signal = stop_signal
        self._launch = launch
        self._is_ready = is_ready
        self._ready_after_s = ready_after_s
        self.stop = stop  # a server's own way to stop, which knows how hard it may be pressed
        self._show = show
        self._was_ready = False
        self._is_vital = is_vital
        self._started = 0.0
        self._due: float | None = None
        self._quick_deaths = 0
        self._deaths: deque[float] = deque(maxlen=HOPELESS_DEATHS)

    @classmethod
    def of(cls, program: Program, show: Callable[[str, str], None]) -> "Child":
        return cls(
            program.name,
            program.launch,
            show,
            is_ready=program.is_ready,
            ready_after_s=program.ready_after_s,
            is_vital=program.is_vital,
        )

    def start(self) -> Process:
        self._due = None
        self._started = time.monotonic()
        self.process = self._launch(self.output.writer)
        return self.process

    def watch(self, process: Process, *, ready: bool) -> None:
        """Take over a process that runs already."""
        self.process, self._started = process, time.monotonic()
        self.is_ready = self._was_ready = ready

    def look(self) -> bool:
        """Notice a death, start again when it is time; tell whether a process was started.

        Raises Unavailable when the program dies at once again and again without ever being ready.
        """
        now = time.monotonic()
        if self._due is not None and now >= self._due:
            self.start()
            return True
        if self.process and self.has_ended():
            self._after_death(now)
        elif self.process and not self.is_ready:
            self.is_ready = self._is_ready() if self._is_ready else now - self._started >= self._ready_after_s
            self._was_ready = self._was_ready or self.is_ready
        return False

    def has_ended(self) -> bool:
        """Collect an ended process, and first end what it left in its group while its id can't be used again."""
        if self.process is None:
            return True
        if self.stop is None and hasattr(os, "waitid") and self._is_waiting_to_be_collected():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.poll() is not None

    def signal(self, sig: int) -> None:
        self._due = None
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)

    def kill(self) -> None:
        """End it and its whole group at once."""
        if self.process and self.process.poll() is None:
            if self.stop is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.send_signal(signal.SIGKILL)

    def _is_waiting_to_be_collected(self) -> bool:
        assert self.process
        try:
            flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self.process.pid, flags) is not None
        except ChildProcessError:
            return False

    def _after_death(self, now: float) -> None:
        assert self.process
        code, self.process, self.is_ready = self.process.poll(), None, False
        self.output.drain()
        self._deaths.append(now)
        hopeless = len(self._deaths) == HOPELESS_DEATHS and now - self._deaths[0] < HOPELESS_WINDOW_S
        if hopeless and self._is_vital and not self._was_ready:
            raise Unavailable(
                f"{self.name} ended {HOPELESS_DEATHS} times within a minute without ever being ready."
                f" Its last lines:\n{self.last_lines()}"
            )
        self._quick_deaths = 0 if now - self._started >= SOUND_LIFE_S else self._quick_deaths + 1
        pause_s = min(FIRST_PAUSE_S * 2 ** max(self._quick_deaths - 1, 0), LONGEST_PAUSE_S)
        self._due = now + pause_s
        self._show("glassbed", f"{self.name} ended ({_how(code)}); it starts again in {pause_s:.0f} s")

    def last_lines(self) -> str:
        return "\n".join(self.output.tail)


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return "it is gone"


def terminal(stream: IO[str]) -> Callable[[str, str], None]:
    """Print lines under their process's name; a reader that went away (a closed pipe) stops nothing."""

    def show(name: str, line: str) -> None:
        with contextlib.suppress(BrokenPipeError, ValueError):
            stream.write(f"{name:<8} │ {line}\n" if name else f"{line}\n")
            stream.flush()

    return show
