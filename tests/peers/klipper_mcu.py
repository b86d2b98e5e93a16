"""A simulated Klipper board on a pseudo-terminal, in real time: heaters that heat, sensors, steppers.

    python -m peers.klipper_mcu LINK

makes LINK point to the board's terminal and runs until it is ended. It heats faster than any printer
(about 100 °C/s), so that a test can wait for it. Message framing is Klipper's: length, sequence,
payload, CRC-16, 0x7e (Klipper's documentation, "Protocol").
"""

import json
import os
import pty
import select
import sys
import time
import tty
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from peers.klipper_dictionary import ADC_MAX, CLOCK_HZ, FIRST_ANALOG_PIN, SHUTDOWN_REASON, dictionary

SYNC = 0x7E
SEQUENCE_MARK = 0x10
SHORTEST, LONGEST = 5, 64
MOVE_SLOTS = 1000

ROOM_C = 22.0
FULL_SCALE_C = 400.0
HEATING_C_PER_S = 120.0
COOLING_PER_S = 0.2
HEATER_PINS = {FIRST_ANALOG_PIN: 16, FIRST_ANALOG_PIN + 1: 17}
"""Sensor pin → the output pin that heats it. Other sensors stay at room temperature."""
HOST_SILENCE_S = 5.0
"""A board whose host is gone switches its outputs off."""

Fields = dict[str, int]


# -- framing ------------------------------------------------------------------------------------------


def crc16(content: bytes) -> bytes:
    crc = 0xFFFF
    for byte in content:
        low = byte ^ (crc & 0xFF)
        low ^= (low & 0x0F) << 4
        crc = ((low << 8) | (crc >> 8)) ^ (low >> 4) ^ (low << 3)
        crc &= 0xFFFF
    return crc.to_bytes(2)


def encoded(value: int) -> bytes:
    """Encode one integer: 7 bits a byte, high bits first, negative numbers by their leading ones."""
    if value >= 1 << 31:
        value -= 1 << 32
    out = bytearray()
    for shift in (28, 21, 14, 7):
        if not -(1 << (shift - 2)) <= value < 3 << (shift - 2):
            out.append((value >> shift) & 0x7F | 0x80)
    out.append(value & 0x7F)
    return bytes(out)


def decoded(content: bytes, position: int) -> tuple[int, int]:
    """Return the signed integer at `position` and where the next one begins."""
    byte = content[position]
    value = byte & 0x7F
    if byte & 0x60 == 0x60:
        value -= 0x80
    while byte & 0x80:
        position += 1
        byte = content[position]
        value = (value << 7) | (byte & 0x7F)
    return value, position + 1


@dataclass(frozen=True)
class Format:
    """One message: its number, its name, and each parameter with its kind ("%u", "%hi", ...)."""

    number: int
    name: str
    parameters: list[tuple[str, str]]

    @classmethod
    def read(cls, text: str, number: int) -> "Format":
        name, *parameters = text.split()
        return cls(number, name, [(key, kind) for key, _, kind in (p.partition("=") for p in parameters)])


class Line:
    """The board's end of the wire: takes frames apart, acknowledges, answers."""

    def __init__(self, link: Path) -> None:
        self._master, self._slave = pty.openpty()  # the slave stays open: a host may leave and return
        tty.setraw(self._master)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self._slave))
        self._sequence = SEQUENCE_MARK
        self._received = b""

    def payloads(self, wait_s: float) -> Iterator[bytes]:
        """Yield the payloads that arrived, each acknowledged after it was used."""
        if select.select([self._master], [], [], wait_s)[0]:
            self._received += os.read(self._master, 65536)
        while (frame := self._next_frame()) is not None:
            if frame[1] == self._sequence:
                self._sequence = (self._sequence + 1) & 0x0F | SEQUENCE_MARK
                yield frame[2:-3]
            self.send(b"")  # the acknowledgement; out of order it asks to send again

    def send(self, payload: bytes) -> None:
        frame = bytes([SHORTEST + len(payload), self._sequence]) + payload
        with suppress(BlockingIOError):  # nobody listens: the bytes are lost, as on a real wire
            os.write(self._master, frame + crc16(frame) + bytes([SYNC]))

    def _next_frame(self) -> bytes | None:
        while self._received:
            length = self._received[0]
            if not SHORTEST <= length <= LONGEST:
                self._received = self._received[1:]
                continue
            frame = self._received[:length]
            if len(frame) < length:
                return None
            if frame[-1] == SYNC and crc16(frame[:-3]) == frame[-3:-1]:
                self._received = self._received[length:]
                return frame
            self._received = self._received[1:]
        return None


# -- the board ----------------------------------------------------------------------------------------


@dataclass
class Output:
    pin: int
    cycle_ticks: int = 1
    on_ratio: float = 0.0


@dataclass
class Sensor:
    pin: int
    samples: int = 1
    rest_ticks: int = 0
    due_clock: int | None = None


@dataclass
class Stepper:
    position: int = 0
    direction: int = 1


@dataclass
class Board:
    """State of the firmware between `config` and `reset`; only the warmth outlives a reset."""

    celsius: dict[int, float] = field(default_factory=dict)  # by the sensor's pin
    config_crc: int = 0
    is_configured: bool = False
    is_shut_down: bool = False
    outputs: dict[int, Output] = field(default_factory=dict)
    sensors: dict[int, Sensor] = field(default_factory=dict)
    steppers: dict[int, Stepper] = field(default_factory=dict)

    def switch_off(self) -> None:
        for output in self.outputs.values():
            output.on_ratio = 0.0

    def warm(self, seconds: float) -> None:
        """Let every sensor follow its heater for a while."""
        heat = {output.pin: output.on_ratio for output in self.outputs.values()}
        for pin, celsius in self.celsius.items():
            on_ratio = heat.get(HEATER_PINS.get(pin, -1), 0.0)
            change = on_ratio * HEATING_C_PER_S - (celsius - ROOM_C) * COOLING_PER_S
            self.celsius[pin] = celsius + seconds * change


class Firmware:
    """Carries out the host's commands on a board and reports its sensors."""

    def __init__(self, line: Line) -> None:
        words = dictionary()
        self._line = line
        self._identity = zlib.compress(json.dumps(words).encode())
        self._commands = {n: Format.read(text, n) for text, n in words["commands"].items()}
        self._responses = {f.name: f for f in (Format.read(t, n) for t, n in words["responses"].items())}
        self._handlers: dict[str, Callable[[Fields], None]] = {
            format_.name: getattr(self, f"_{format_.name}")
            for format_ in self._commands.values()
            if hasattr(self, f"_{format_.name}")
        }
        self._begun_s = self._warmed_s = self._heard_s = time.monotonic()
        self._board = Board()

    def run(self) -> None:
        while True:
            for payload in self._line.payloads(self._until_due_s()):
                self._heard_s = time.monotonic()
                for name, fields in self._messages(payload):
                    self._handlers.get(name, _ignore)(fields)
            self._pass_time()

    def _messages(self, payload: bytes) -> Iterator[tuple[str, Fields]]:
        position = 0
        while position < len(payload):
            number, position = decoded(payload, position)
            format_ = self._commands[number]
            fields: Fields = {}
            for key, kind in format_.parameters:
                value, position = decoded(payload, position)
                fields[key] = value if kind in ("%i", "%hi") else value & 0xFFFFFFFF
            yield format_.name, fields

    def _send(self, name: str, *values: int | bytes) -> None:
        payload = encoded(self._responses[name].number)
        for value in values:
            payload += bytes([len(value)]) + value if isinstance(value, bytes) else encoded(value)
        self._line.send(payload)

    def _clock(self) -> int:
        return int((time.monotonic() - self._begun_s) * CLOCK_HZ)

    # -- time passing

    def _until_due_s(self) -> float:
        due = [s.due_clock for s in self._board.sensors.values() if s.due_clock is not None]
        return max(0.0, (min(due) - self._clock()) / CLOCK_HZ) if due else 0.5

    def _pass_time(self) -> None:
        now_s = time.monotonic()
        self._board.warm(now_s - self._warmed_s)
        self._warmed_s = now_s
        if now_s - self._heard_s > HOST_SILENCE_S:
            self._board.switch_off()
        for oid, sensor in self._board.sensors.items():
            if sensor.due_clock is not None and self._clock() >= sensor.due_clock:
                self._report(oid, sensor)

    def _report(self, oid: int, sensor: Sensor) -> None:
        sensor.due_clock = max(sensor.due_clock or 0, self._clock()) + sensor.rest_ticks
        ratio = min(1.0, max(0.0, self._board.celsius[sensor.pin] / FULL_SCALE_C))
        value = int(ratio * ADC_MAX * sensor.samples)
        self._send("analog_in_state", oid, sensor.due_clock & 0xFFFFFFFF, value)

    # -- commands, named as the host names them

    def _identify(self, fields: Fields) -> None:
        begin = fields["offset"]
        self._send("identify_response", begin, self._identity[begin : begin + fields["count"]])

    def _get_uptime(self, fields: Fields) -> None:
        clock = self._clock()
        self._send("uptime", clock >> 32, clock & 0xFFFFFFFF)

    def _get_clock(self, fields: Fields) -> None:
        self._send("clock", self._clock() & 0xFFFFFFFF)

    def _get_config(self, fields: Fields) -> None:
        board = self._board
        self._send("config", board.is_configured, board.config_crc, board.is_shut_down, MOVE_SLOTS)

    def _finalize_config(self, fields: Fields) -> None:
        self._board.config_crc = fields["crc"]
        self._board.is_configured = True

    def _reset(self, fields: Fields) -> None:
        self._board = Board(celsius=self._board.celsius)

    def _emergency_stop(self, fields: Fields) -> None:
        self._board.switch_off()
        self._board.is_shut_down = True
        self._send("shutdown", self._clock() & 0xFFFFFFFF, SHUTDOWN_REASON)

    def _config_digital_out(self, fields: Fields) -> None:
        self._board.outputs[fields["oid"]] = Output(fields["pin"])

    def _set_digital_out_pwm_cycle(self, fields: Fields) -> None:
        self._board.outputs[fields["oid"]].cycle_ticks = fields["cycle_ticks"]

    def _queue_digital_out(self, fields: Fields) -> None:
        output = self._board.outputs[fields["oid"]]
        output.on_ratio = fields["on_ticks"] / output.cycle_ticks

    def _update_digital_out(self, fields: Fields) -> None:
        self._board.outputs[fields["oid"]].on_ratio = float(fields["value"])

    def _config_analog_in(self, fields: Fields) -> None:
        self._board.sensors[fields["oid"]] = Sensor(fields["pin"])
        self._board.celsius.setdefault(fields["pin"], ROOM_C)

    def _query_analog_in(self, fields: Fields) -> None:
        sensor = self._board.sensors[fields["oid"]]
        sensor.samples, sensor.rest_ticks = fields["sample_count"], fields["rest_ticks"]
        sensor.due_clock = self._clock() + sensor.rest_ticks

    def _config_stepper(self, fields: Fields) -> None:
        self._board.steppers[fields["oid"]] = Stepper()

    def _set_next_step_dir(self, fields: Fields) -> None:
        self._board.steppers[fields["oid"]].direction = 1 if fields["dir"] else -1

    def _queue_step(self, fields: Fields) -> None:
        stepper = self._board.steppers[fields["oid"]]
        stepper.position += fields["count"] * stepper.direction

    def _stepper_get_position(self, fields: Fields) -> None:
        self._send("stepper_position", fields["oid"], self._board.steppers[fields["oid"]].position)

    def _endstop_query_state(self, fields: Fields) -> None:
        self._send("endstop_state", fields["oid"], 0, self._clock() & 0xFFFFFFFF, 0)


def _ignore(fields: Fields) -> None:
    """Commands without an effect here (trsync, step clocks, allocation)."""


if __name__ == "__main__":
    Firmware(Line(Path(sys.argv[1]))).run()
