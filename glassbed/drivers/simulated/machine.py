"""The simulated printer itself: its states, its heaters, the file it prints. It outlives its driver's connections."""

import random
import time
from collections.abc import Callable

from glassbed.drivers.interface import HostConflict
from glassbed.drivers.simulated.physics import AMBIENT_C, BED, HOTEND, Heater
from glassbed.drivers.simulated.program import Program, Step, StoredFile
from glassbed.protocol.reading import BUSY, Reading, State

_STEP_S = 0.25
_CATCH_UP_S = 600.0  # simulated time made up for at most, when nobody has looked for long
_LINES_A_STEP = 2000  # a dense file at a high speed prints slower rather than stalling the bridge
_PART_FAN_W_PER_K = 0.05
_SETTLING = {
    State.PAUSING: (0.6, State.PAUSED),
    State.RESUMING: (0.6, State.PRINTING),
    State.CANCELLING: (0.8, State.READY),
    State.STARTING: (1.5, State.READY),
}
"""How long the states on the way last, in seconds outside: at any speed a reading shows them."""
_FINISHING_S = 0.6


class Machine:
    """One printer. Time passes in `catch_up`, `speed` times as fast as outside."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.speed = 1.0
        self.fault_at_ratio: float | None = None  # thermal runaway at this progress, for trying things out
        self.answers = True  # whether the host can be reached
        noise = random.Random(name)  # noqa: S311 -- sensor noise, repeatable per printer
        self._clock = clock
        self._seen_at = clock()
        self._nozzle = Heater(HOTEND, noise)
        self._bed = Heater(BED, noise)
        self._state = State.READY
        self._entered_at = self._seen_at
        self._message: str | None = None
        self._program: Program | None = None
        self._finished = False
        self._elapsed_s = 0.0
        self._pending_s = 0.0
        self._waits_for: Heater | None = None
        self._fan_ratio = 0.0
        self._speed_ratio = 1.0

    @property
    def state(self) -> State:
        return self._state

    def reading(self) -> Reading:
        self.catch_up()
        program = self._program
        return Reading(
            state=self._state,
            message=self._message,
            file_name=program.file.name if program else None,
            progress_ratio=self._progress_ratio(),
            layer=(program.layer or None) if program else None,
            layers=(program.file.layers or None) if program else None,
            height_mm=program.height_mm if program else None,
            elapsed_s=int(self._elapsed_s) if program else None,
            left_s=self._left_s(),
            filament_mm=program.axes.filament_mm if program else None,
            nozzle_c=self._nozzle.shown_c,
            nozzle_target_c=self._nozzle.target_c,
            bed_c=self._bed.shown_c,
            bed_target_c=self._bed.target_c,
            chamber_c=AMBIENT_C + (self._bed.shown_c - AMBIENT_C) * 0.15,
            fan_ratio=self._fan_ratio,
            speed_ratio=self._speed_ratio,
        )

    def check_free(self) -> None:
        """Raise `HostConflict` unless a print can start."""
        self.catch_up()
        if self._state is not State.READY:
            raise HostConflict(f"The printer is {self._state}; it can't start a print now.")

    def start(self, file: StoredFile) -> None:
        self.check_free()
        self._drop_program()
        self._program = Program(file)
        self._elapsed_s = self._pending_s = 0.0
        self._speed_ratio = 1.0
        self._enter(State.PRINTING)

    def pause(self) -> None:
        self._need({State.PRINTING}, "Nothing is printing that could be paused.")
        self._enter(State.PAUSING)

    def resume(self) -> None:
        self._need({State.PAUSED}, "The print is not paused.")
        self._enter(State.RESUMING)

    def cancel(self) -> None:
        self._need(set(BUSY) - {State.CANCELLING}, "Nothing is printing that could be cancelled.")
        self._cool_down()
        self._enter(State.CANCELLING)

    def stop(self, message: str = "Emergency stop. Restart the firmware to go on.") -> None:
        self.catch_up()
        self._fail(State.STOPPED, message)

    def fault(self, message: str) -> None:
        """Report an error of the firmware, in its words."""
        self.catch_up()
        self._fail(State.ERROR, message)

    def restart(self) -> None:
        self.catch_up()
        self._drop_program()
        self._cool_down()
        self._message = None
        self._enter(State.STARTING)

    def catch_up(self) -> None:
        """Let the time pass that has passed outside."""
        now = self._clock()
        left_s = min(max(now - self._seen_at, 0.0) * self.speed, _CATCH_UP_S)
        self._seen_at = now
        while left_s > 0:
            seconds = min(left_s, _STEP_S)
            left_s -= seconds
            self._pass(seconds)
        self._settle(now - self._entered_at)

    def _settle(self, for_s: float) -> None:
        """Leave a state that is only on the way to another, after it was there for a while."""
        if self._state in _SETTLING:
            settle_s, following = _SETTLING[self._state]
            if for_s >= settle_s:
                if following is State.READY:
                    self._drop_program()
                self._enter(following)
        elif self._finished and for_s >= _FINISHING_S:
            self._drop_program()
            self._enter(State.READY)

    def _progress_ratio(self) -> float | None:
        """Of the file; the whole only at the very end, as hosts say it."""
        if self._program is None:
            return None
        return 1.0 if self._finished else min(self._program.progress_ratio, 0.999)

    def _pass(self, seconds: float) -> None:
        self._nozzle.step(seconds, self._fan_ratio * _PART_FAN_W_PER_K)
        self._bed.step(seconds)
        if self._state is State.PRINTING and self._program and not self._finished:
            self._elapsed_s += seconds
            self._print(self._program, seconds)

    def _print(self, program: Program, seconds: float) -> None:
        for _ in range(_LINES_A_STEP):
            if self._waits_for and not self._waits_for.is_settled:
                return
            self._waits_for = None
            used_s = min(self._pending_s, seconds)
            self._pending_s -= used_s
            seconds -= used_s
            if self._pending_s > 0 or self._state is not State.PRINTING:
                return
            step = program.next()
            if step is None:
                self._finish()
                return
            self._obey(step)
            if self.fault_at_ratio is not None and program.progress_ratio >= self.fault_at_ratio:
                self._fail(State.ERROR, "Heater extruder not heating at expected rate")
                return

    def _obey(self, step: Step) -> None:
        if step.speed_ratio is not None:
            self._speed_ratio = step.speed_ratio
        if step.fan_ratio is not None:
            self._fan_ratio = step.fan_ratio
        if step.nozzle_target_c is not None:
            self._nozzle.aim(step.nozzle_target_c)
        if step.bed_target_c is not None:
            self._bed.aim(step.bed_target_c)
        self._waits_for = self._nozzle if step.waits_for_nozzle else self._bed if step.waits_for_bed else None
        self._pending_s = step.duration_s / self._speed_ratio
        if step.stops:
            self._fail(State.STOPPED, "Emergency stop (M112 in the file). Restart the firmware to go on.")
        elif step.pauses:
            self._enter(State.PAUSING)

    def _left_s(self) -> int | None:
        if self._program is None or self._finished:
            return None
        ratio = self._program.progress_ratio
        estimate_s = self._program.file.estimate_s
        if estimate_s is None and ratio > 0.02:  # noqa: PLR2004 -- before that, a guess would be noise
            estimate_s = int(self._elapsed_s / ratio)
        return None if estimate_s is None else int(estimate_s * (1 - ratio))

    def _finish(self) -> None:
        self._finished = True
        self._cool_down()
        self._entered_at = self._clock()

    def _fail(self, state: State, message: str) -> None:
        self._drop_program()
        self._cool_down()
        self._message = message
        self._enter(state)

    def _cool_down(self) -> None:
        self._nozzle.aim(0)
        self._bed.aim(0)
        self._fan_ratio = 0.0
        self._waits_for = None

    def _drop_program(self) -> None:
        if self._program:
            self._program.file.close()
        self._program = None
        self._finished = False

    def _enter(self, state: State) -> None:
        self._state = state
        self._entered_at = self._clock()

    def _need(self, states: set[State], otherwise: str) -> None:
        self.catch_up()
        if self._state not in states:
            raise HostConflict(otherwise)
