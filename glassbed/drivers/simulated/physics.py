"""Heat and motion of a small desktop printer, as far as a person can see them on a page. No G-code here."""

import math
import random

import msgspec

AMBIENT_C = 21.0
SETTLED_WITHIN_C = 1.0
SETTLED_FOR_S = 3.0


class HeaterSpec(msgspec.Struct, frozen=True):
    """What a heater is made of."""

    power_w: float
    capacity_j_per_k: float
    loss_w_per_k: float
    sensor_lag_s: float
    gain_w_per_k: float
    reset_s: float  # of the controller's integral part
    noise_c: float
    highest_c: float


HOTEND = HeaterSpec(
    power_w=42, capacity_j_per_k=13, loss_w_per_k=0.13, sensor_lag_s=1.6, gain_w_per_k=2.6, reset_s=14,
    noise_c=0.12, highest_c=300,
)  # fmt: skip
BED = HeaterSpec(
    power_w=220, capacity_j_per_k=280, loss_w_per_k=1.5, sensor_lag_s=4, gain_w_per_k=30, reset_s=60,
    noise_c=0.04, highest_c=120,
)  # fmt: skip


class Heater:
    """A heated mass with a lagging, noisy sensor and a PI controller, which overshoots a little as real ones do."""

    def __init__(self, spec: HeaterSpec, noise: random.Random) -> None:
        self._spec = spec
        self._noise = noise
        self._mass_c = AMBIENT_C
        self._sensor_c = AMBIENT_C
        self._integral_w = 0.0
        self._near_s = 0.0
        self.target_c = 0.0

    @property
    def shown_c(self) -> float:
        return self._sensor_c + self._noise.gauss(0, self._spec.noise_c)

    @property
    def is_settled(self) -> bool:
        """Whether M109 and M190 stop waiting: near the target for a while, or nothing to wait for."""
        return self.target_c <= 0 or self._near_s >= SETTLED_FOR_S

    def aim(self, target_c: float) -> None:
        target_c = min(max(target_c, 0.0), self._spec.highest_c)
        if target_c != self.target_c:
            self.target_c = target_c
            self._near_s = 0.0

    def step(self, seconds: float, cooling_w_per_k: float = 0.0) -> None:
        """Pass some time, in steps well below the sensor's lag. `cooling` is the part fan's draught."""
        spec = self._spec
        loss_w_per_k = spec.loss_w_per_k + cooling_w_per_k
        settle_c = AMBIENT_C + self._power_w(seconds) / loss_w_per_k
        decay = math.exp(-seconds * loss_w_per_k / spec.capacity_j_per_k)
        self._mass_c = settle_c + (self._mass_c - settle_c) * decay
        self._sensor_c += (self._mass_c - self._sensor_c) * (1 - math.exp(-seconds / spec.sensor_lag_s))
        near = abs(self._sensor_c - self.target_c) < SETTLED_WITHIN_C
        self._near_s = self._near_s + seconds if near else 0.0

    def _power_w(self, seconds: float) -> float:
        spec = self._spec
        if self.target_c <= 0:
            self._integral_w = 0.0
            return 0.0
        error_k = self.target_c - self._sensor_c
        wanted_w = spec.gain_w_per_k * error_k + self._integral_w
        if 0 < wanted_w < spec.power_w:  # no wind-up while the heater is at its limit
            self._integral_w += spec.gain_w_per_k * error_k * seconds / spec.reset_s
        return min(max(wanted_w, 0.0), spec.power_w)


class Axes:
    """Where the nozzle is and how long it takes to be elsewhere."""

    RAPID_MM_PER_S = 150.0
    ACCELERATION_MM_PER_S2 = 1500.0

    def __init__(self) -> None:
        self.at = {"X": 0.0, "Y": 0.0, "Z": 0.0, "E": 0.0}
        self.feed_mm_per_s = 25.0
        self.is_absolute = True
        self.is_absolute_e = True
        self.filament_mm = 0.0
        self._direction = (0.0, 0.0)

    def move(self, words: dict[str, float]) -> float:
        """Carry out G0/G1; return how long it takes, in seconds."""
        if words.get("F", 0) > 0:
            self.feed_mm_per_s = min(words["F"] / 60, self.RAPID_MM_PER_S)
        steps = {axis: self._travel(axis, words[axis]) for axis in self.at if axis in words}
        for axis, step in steps.items():
            self.at[axis] += step
        self.filament_mm = max(self.filament_mm + steps.get("E", 0.0), 0.0)
        length_mm = math.hypot(*(steps.get(axis, 0.0) for axis in "XYZ")) or abs(steps.get("E", 0.0))
        return length_mm / self.feed_mm_per_s + self._turning_s(steps, length_mm)

    def home(self, axes: set[str]) -> None:
        for axis in axes or {"X", "Y", "Z"}:
            self.at[axis] = 0.0

    def _travel(self, axis: str, value: float) -> float:
        absolute = self.is_absolute_e if axis == "E" else self.is_absolute
        return value - self.at[axis] if absolute else value

    def _turning_s(self, steps: dict[str, float], length_mm: float) -> float:
        """Time lost to slowing down for a corner: none straight on, all of it when turning back."""
        if not length_mm:
            return 0.0
        direction = (steps.get("X", 0.0) / length_mm, steps.get("Y", 0.0) / length_mm)
        sharpness = min(math.dist(direction, self._direction) / 2, 1.0)
        self._direction = direction
        return sharpness * self.feed_mm_per_s / self.ACCELERATION_MM_PER_S2
