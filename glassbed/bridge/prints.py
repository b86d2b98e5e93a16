"""Follows the print on one printer: tells when it started and how it ended, from readings alone. Pure."""

from typing import Literal

from glassbed.bridge.records import Job
from glassbed.protocol.ids import uuid7
from glassbed.protocol.messages import Happening, Print, PrintEnded, PrintStarted
from glassbed.protocol.reading import Reading, State

Ending = Literal["completed", "cancelled", "failed"]

_AT_WORK = frozenset({State.PRINTING, State.PAUSING, State.PAUSED, State.RESUMING})
_AWAY = frozenset({State.OFFLINE, State.REFUSED, State.STARTING})
_DOWN = frozenset({State.ERROR, State.STOPPED})
_DONE_RATIO = 0.99  # drivers say 1 in the last reading of a job that was completed
_SLOW_START_S = 15.0  # some hosts say 'ready' for a while after they accepted a file
_NAME_LIMIT = 255
_REASON_LIMIT = 2000


class PrintFollower:
    """The print under way, or none. Each method returns what has to be told."""

    def __init__(self, job: Job | None = None) -> None:
        self.job = job
        self._was_restarted = job is not None
        self._was_away = job is not None

    @property
    def is_sending(self) -> bool:
        return self.job is not None and self.job.phase == "sending"

    def order(self, order: Print) -> None:
        """A file is being handed over for this print."""
        self.job = Job(print_id=order.print_id, file_name=order.file_name, phase="sending")
        self._was_restarted = self._was_away = False

    def accepted(self, now: float) -> list[Happening]:
        """The host has the file and starts."""
        job = self._current()
        job.phase, job.started_at = "accepted", now
        return [PrintStarted(print_id=job.print_id, file_name=job.file_name, started_at=now)]

    def failed(self, now: float, reason: str, *, cancelled: bool = False) -> list[Happening]:
        """The file could not be handed over, or the person took it back."""
        return self._end(now, "cancelled" if cancelled else "failed", reason)

    def cancel_ordered(self) -> None:
        if self.job:
            self.job.cancelled = True

    def take(self, reading: Reading, now: float) -> list[Happening]:
        """Compare a reading with what is known."""
        if self.job is None:
            return self._begun_at_printer(reading, now) if reading.state in _AT_WORK else []
        if self.job.phase == "sending":
            return self._after_restart(reading, now) if self._was_restarted else []
        return self._follow(self.job, reading, now)

    def _follow(self, job: Job, reading: Reading, now: float) -> list[Happening]:
        if reading.state in _AT_WORK or reading.state is State.CANCELLING:
            return self._goes_on(job, reading, now)
        if reading.state in _DOWN:
            return self._end(now, "failed", reading.message)
        if reading.state is State.READY and not self._is_starting(job, now):
            return self._ended(job, reading, now)
        self._was_away = self._was_away or reading.state in _AWAY
        return []

    def _begun_at_printer(self, reading: Reading, now: float) -> list[Happening]:
        started_at = now - (reading.elapsed_s or 0)
        self.job = Job(
            print_id=str(uuid7()),
            file_name=(reading.file_name or "")[:_NAME_LIMIT],
            phase="seen",
            at_printer=True,
            started_at=started_at,
        )
        self._was_restarted = self._was_away = False
        self._note(self.job, reading)
        job = self.job
        return [
            PrintStarted(
                print_id=job.print_id, file_name=job.file_name, started_at=started_at, at_printer=True
            )
        ]

    def _after_restart(self, reading: Reading, now: float) -> list[Happening]:
        """Find out whether a hand-over that the bridge's end cut off had got through."""
        if reading.state in _AWAY:
            return []
        self._was_restarted = False
        if reading.state in _AT_WORK and reading.file_name == self._current().file_name:
            return self.accepted(now)
        return self._end(now, "failed", "The bridge was restarted while it handed over the file.")

    def _goes_on(self, job: Job, reading: Reading, now: float) -> list[Happening]:
        if job.host_file and reading.file_name and reading.file_name != job.host_file:
            return [*self._ended(job, Reading(state=State.READY), now), *self.take(reading, now)]
        self._note(job, reading)
        self._was_away = False
        return []

    def _note(self, job: Job, reading: Reading) -> None:
        job.phase = "seen"
        job.host_file = reading.file_name or job.host_file
        job.cancelled = job.cancelled or reading.state is State.CANCELLING
        for name in ("progress_ratio", "elapsed_s", "filament_mm"):
            value = getattr(reading, name)
            if value is not None:
                setattr(job, name, value)

    def _is_starting(self, job: Job, now: float) -> bool:
        return job.phase == "accepted" and not self._was_away and now - (job.started_at or 0) < _SLOW_START_S

    def _ended(self, job: Job, reading: Reading, now: float) -> list[Happening]:
        said = reading.progress_ratio
        for name in ("elapsed_s", "filament_mm"):
            if said is not None and getattr(reading, name) is not None:
                setattr(job, name, getattr(reading, name))
        if job.cancelled:
            return self._end(now, "cancelled")
        last = job.progress_ratio
        if said is not None:  # some hosts go on naming the job when they are ready again
            last = said
        is_done = not self._was_away if last is None else last >= _DONE_RATIO
        if is_done:
            job.progress_ratio = 1.0
            return self._end(now, "completed")
        if self._was_away:
            return self._end(now, "failed", "The end was not seen: the printer was out of reach.")
        return self._end(now, "cancelled")

    def _end(self, now: float, outcome: Ending, reason: str | None = None) -> list[Happening]:
        job = self._current()
        self.job = None
        duration_s = job.elapsed_s
        if duration_s is None:
            duration_s = max(int(now - job.started_at), 0) if job.started_at is not None else 0
        return [
            PrintEnded(
                print_id=job.print_id,
                ended_at=now,
                outcome=outcome,
                progress_ratio=None if job.progress_ratio is None else min(max(job.progress_ratio, 0.0), 1.0),
                duration_s=duration_s,
                filament_mm=job.filament_mm,
                reason=reason[:_REASON_LIMIT] if reason else None,
            )
        ]

    def _current(self) -> Job:
        if self.job is None:
            raise RuntimeError("no print is under way")
        return self.job
