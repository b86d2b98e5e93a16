"""One minute of a print as a compact blob: what the bridge sends and the recorder stores unread.

Layout, version 1: `01`, number of seconds (1..60), then zlib over 8 columns of little-endian uint16
differences (modulo 65536), all low bytes before all high bytes. 65535 stands for 'not known'. Sample
`i` is second `i` of the minute; a second that nobody measured holds nothing but 'not known'.
"""

import zlib
from collections.abc import Sequence

import msgspec

from glassbed.protocol.errors import ProtocolViolation

SECONDS = 60
_VERSION = 1
_HEAD_BYTES = 2
_UNKNOWN = 0xFFFF
_MODULUS = 0x10000


class TraceSample(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a printer for one second of a print."""

    nozzle_c: float | None = None
    nozzle_target_c: float | None = None
    bed_c: float | None = None
    bed_target_c: float | None = None
    chamber_c: float | None = None
    progress_ratio: float | None = None
    layer: int | None = None
    height_mm: float | None = None


class _Scale(msgspec.Struct, frozen=True):
    steps: int  # per unit
    lowest: int  # in units; what is below is kept as this
    highest_step: int = _UNKNOWN - 1


_CELSIUS = _Scale(steps=10, lowest=-100)
_SCALES: dict[str, _Scale] = {
    "nozzle_c": _CELSIUS,
    "nozzle_target_c": _CELSIUS,
    "bed_c": _CELSIUS,
    "bed_target_c": _CELSIUS,
    "chamber_c": _CELSIUS,
    "progress_ratio": _Scale(steps=1000, lowest=0, highest_step=1000),
    "layer": _Scale(steps=1, lowest=0),
    "height_mm": _Scale(steps=10, lowest=0),
}
FIELDS = tuple(_SCALES)


def encode(samples: Sequence[TraceSample]) -> bytes:
    """Pack 1 to 60 samples, one a second."""
    if not 1 <= len(samples) <= SECONDS:
        raise ValueError(f"a minute has 1 to {SECONDS} samples, not {len(samples)}")
    steps: list[int] = []
    for name, scale in _SCALES.items():
        column = [_to_step(getattr(sample, name), scale) for sample in samples]
        steps += [(now - before) % _MODULUS for before, now in zip([0, *column], column, strict=False)]
    planes = bytes(step & 0xFF for step in steps) + bytes(step >> 8 for step in steps)
    return bytes((_VERSION, len(samples))) + zlib.compress(planes, 9, -15)


def decode(blob: bytes) -> tuple[TraceSample, ...]:
    """Unpack a minute. Raises `ProtocolViolation` for anything that `encode` could not have made."""
    if len(blob) < _HEAD_BYTES or blob[0] != _VERSION or not 1 <= blob[1] <= SECONDS:
        raise ProtocolViolation("not a trace of a known version")
    count = blob[1]
    cells = count * len(_SCALES)
    planes = _inflate(blob[_HEAD_BYTES:], 2 * cells)
    steps = [low | high << 8 for low, high in zip(planes[:cells], planes[cells:], strict=True)]
    columns = [
        _column(steps[index * count : (index + 1) * count], scale)
        for index, scale in enumerate(_SCALES.values())
    ]
    return tuple(
        msgspec.convert(dict(zip(FIELDS, row, strict=True)), TraceSample, strict=False)
        for row in zip(*columns, strict=True)
    )


def _to_step(value: float | None, scale: _Scale) -> int:
    if value is None or value != value:  # noqa: PLR0124 -- NaN is the only value unlike itself
        return _UNKNOWN
    highest = scale.lowest + scale.highest_step / scale.steps
    return round((min(max(value, scale.lowest), highest) - scale.lowest) * scale.steps)


def _column(differences: Sequence[int], scale: _Scale) -> list[float | None]:
    column: list[float | None] = []
    step = 0
    for difference in differences:
        step = (step + difference) % _MODULUS
        if step == _UNKNOWN:
            column.append(None)
        elif step > scale.highest_step:
            raise ProtocolViolation("a trace holds a value out of range")
        else:
            column.append(round(scale.lowest + step / scale.steps, 3))
    return column


def _inflate(packed: bytes, expected_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(-15)
    try:
        planes = unpacker.decompress(packed, expected_bytes + 1)  # bounded: a bomb stops here
    except zlib.error as error:
        raise ProtocolViolation("a trace does not unpack") from error
    if len(planes) != expected_bytes or not unpacker.eof or unpacker.unused_data:
        raise ProtocolViolation("a trace has the wrong length")
    return planes
