"""A stored G-code file, carried out line by line: how long each line takes and what it sets."""

import re
from typing import IO

import msgspec

from glassbed.drivers.simulated.physics import Axes

_WORD = re.compile(rb"([A-Z])\s*([-+]?\d*\.?\d+)")
_LAYER = re.compile(rb"^;\s*(?:LAYER_CHANGE|LAYER:\d+)")
_HEIGHT = re.compile(rb"^;\s*Z:([\d.]+)")
_ESTIMATE = re.compile(
    rb"estimated printing time \(normal mode\) = (?:(\d+)d )?(?:(\d+)h )?(?:(\d+)m )?(\d+)s"
)
_LINE_LIMIT_BYTES = 4096
_HOMING_S = 9.0
_PROBING_S = 24.0
_OVERHEAD_S = 0.001  # a line that does nothing still has to be read


class Step(msgspec.Struct, frozen=True):
    """What one line asks of the machine."""

    duration_s: float = _OVERHEAD_S
    nozzle_target_c: float | None = None
    bed_target_c: float | None = None
    fan_ratio: float | None = None
    speed_ratio: float | None = None
    waits_for_nozzle: bool = False
    waits_for_bed: bool = False
    stops: bool = False  # M112
    pauses: bool = False  # M0, M1, M25, M601


_NOTHING = Step()
_PROBING = Step(duration_s=_PROBING_S)


class StoredFile:
    """A file on the printer's own storage, looked through while it arrives."""

    def __init__(self, name: str, content: IO[bytes]) -> None:
        self.name = name
        self.content = content
        self.size_bytes = 0
        self.layers = 0
        self.estimate_s: int | None = None
        self._rest = b""

    def append(self, chunk: bytes) -> None:
        self.content.write(chunk)
        self.size_bytes += len(chunk)
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()[-_LINE_LIMIT_BYTES:]
        for line in lines:
            if line.startswith(b";"):
                self._look_at(line)

    def close(self) -> None:
        self.content.close()

    def _look_at(self, comment: bytes) -> None:
        if _LAYER.match(comment):
            self.layers += 1
        elif match := _ESTIMATE.search(comment):
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            self.estimate_s = ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class Program:
    """One run of a stored file."""

    def __init__(self, file: StoredFile) -> None:
        self.file = file
        self.axes = Axes()
        self.layer = 0
        self.height_mm: float | None = None
        self._read_bytes = 0
        file.content.seek(0)

    @property
    def progress_ratio(self) -> float:
        return min(self._read_bytes / self.file.size_bytes, 1.0) if self.file.size_bytes else 1.0

    def next(self) -> Step | None:
        """Carry out the next line; nothing at the end of the file."""
        line = self.file.content.readline(_LINE_LIMIT_BYTES)
        if not line:
            return None
        self._read_bytes += len(line)
        if line.startswith(b";"):
            self._note(line)
            return _NOTHING
        return self._carry_out(line.split(b";", 1)[0].strip().upper())

    def _note(self, comment: bytes) -> None:
        if _LAYER.match(comment):
            self.layer += 1
        elif match := _HEIGHT.match(comment):
            self.height_mm = float(match[1])

    def _carry_out(self, line: bytes) -> Step:
        code, *_ = line.split(maxsplit=1) or [b""]
        words = {letter.decode(): float(value) for letter, value in _WORD.findall(line[len(code) :])}
        if code in {b"G0", b"G1", b"G2", b"G3"}:
            return self._move(words)
        if code == b"G28":
            self.axes.home({letter for letter in "XYZ" if re.search(rb"\b" + letter.encode(), line[3:])})
            return Step(duration_s=_HOMING_S)
        if code in {b"G90", b"G91", b"M82", b"M83", b"G92"}:
            return self._set_positions(code, words)
        return _setting(code, words)

    def _move(self, words: dict[str, float]) -> Step:
        duration_s = self.axes.move(words)
        if words.get("E", 0) and self.layer == 0:
            self.height_mm = self.axes.at["Z"]
        return Step(duration_s=max(duration_s, _OVERHEAD_S))

    def _set_positions(self, code: bytes, words: dict[str, float]) -> Step:
        if code in {b"G90", b"G91"}:
            self.axes.is_absolute = self.axes.is_absolute_e = code == b"G90"
        elif code in {b"M82", b"M83"}:
            self.axes.is_absolute_e = code == b"M82"
        else:
            self.axes.at.update({axis: words[axis] for axis in self.axes.at if axis in words})
        return _NOTHING


def _setting(code: bytes, words: dict[str, float]) -> Step:  # noqa: PLR0911 -- one return a G-code
    match code:
        case b"G4":
            return Step(duration_s=words.get("S", words.get("P", 0) / 1000))
        case b"G29" | b"G80":
            return _PROBING
        case b"M104" | b"M109":
            target_c = words.get("S", words.get("R"))
            return Step(nozzle_target_c=target_c, waits_for_nozzle=code == b"M109")
        case b"M140" | b"M190":
            target_c = words.get("S", words.get("R"))
            return Step(bed_target_c=target_c, waits_for_bed=code == b"M190")
        case b"M106":
            return Step(fan_ratio=min(max(words.get("S", 255) / 255, 0), 1))
        case b"M107":
            return Step(fan_ratio=0.0)
        case b"M220":
            return Step(speed_ratio=min(max(words.get("S", 100) / 100, 0.1), 5))
        case b"M112":
            return Step(stops=True)
        case b"M0" | b"M1" | b"M25" | b"M601":
            return Step(pauses=True)
    return _NOTHING
