import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.trace import SECONDS, TraceSample, decode, encode

celsius = st.none() | st.integers(-1000, 20_000).map(lambda tenths: tenths / 10)
samples = st.builds(
    TraceSample,
    nozzle_c=celsius,
    nozzle_target_c=celsius,
    bed_c=celsius,
    bed_target_c=celsius,
    chamber_c=celsius,
    progress_ratio=st.none() | st.integers(0, 1000).map(lambda thousandths: thousandths / 1000),
    layer=st.none() | st.integers(0, 65_534),
    height_mm=st.none() | st.integers(0, 65_534).map(lambda tenths: tenths / 10),
)


@given(st.lists(samples, min_size=1, max_size=SECONDS))
def test_a_minute_comes_back_as_it_was(minute):
    assert decode(encode(minute)) == tuple(minute)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_minute_or_a_violation(blob):
    try:
        minute = decode(blob)
    except ProtocolViolation:
        return
    assert decode(encode(minute)) == minute


@given(st.lists(samples, min_size=1, max_size=5), st.integers(0, 500), st.integers(0, 255))
def test_a_changed_byte_is_a_minute_or_a_violation(minute, position, byte):
    blob = bytearray(encode(minute))
    blob[position % len(blob)] = byte
    with contextlib.suppress(ProtocolViolation):
        decode(bytes(blob))


def test_a_minute_of_a_real_looking_print_takes_at_most_6_bytes_a_sample():
    noise = random.Random(1)
    minute = [
        TraceSample(
            nozzle_c=round(215 + noise.gauss(0, 0.15), 1),
            nozzle_target_c=215.0,
            bed_c=round(60 + noise.gauss(0, 0.05), 1),
            bed_target_c=60.0,
            chamber_c=round(35 + noise.gauss(0, 0.1), 1),
            progress_ratio=round(0.4 + second * 0.0003, 3),
            layer=40 + second // 25,
            height_mm=round(8 + 0.2 * (second // 25), 1),
        )
        for second in range(SECONDS)
    ]
    assert len(encode(minute)) <= 6 * SECONDS


def test_values_out_of_range_are_kept_as_the_nearest_that_fits():
    (sample,) = decode(
        encode([TraceSample(nozzle_c=-500, progress_ratio=1.7, layer=70_000, bed_c=float("nan"))])
    )
    assert sample == TraceSample(nozzle_c=-100, progress_ratio=1.0, layer=65_534, bed_c=None)


@pytest.mark.parametrize("count", [0, SECONDS + 1])
def test_a_minute_has_one_to_sixty_samples(count):
    with pytest.raises(ValueError, match="1 to 60"):
        encode([TraceSample()] * count)


def bomb():
    import zlib

    packer = zlib.compressobj(9, wbits=-15)
    return bytes((1, 60)) + packer.compress(bytes(50_000_000)) + packer.flush()


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x01",
        b"\x02\x01" + encode([TraceSample()])[2:],
        b"\x01\x00",
        b"\x01\x3d",
        b"\x01\x01\xff\xff",
        bomb(),
    ],
    ids=["empty", "short", "version", "none", "too many", "not packed", "bomb"],
)
def test_what_is_no_trace_is_a_violation(blob):
    with pytest.raises(ProtocolViolation):
        decode(blob)


def test_bytes_after_the_end_are_a_violation():
    with pytest.raises(ProtocolViolation):
        decode(encode([TraceSample(layer=3)]) + b"x")


def test_a_progress_beyond_the_whole_is_a_violation():
    import zlib

    planes = [0] * 8
    planes[5] = 1001
    raw = bytes(step & 0xFF for step in planes) + bytes(step >> 8 for step in planes)
    with pytest.raises(ProtocolViolation, match="range"):
        decode(b"\x01\x01" + zlib.compress(raw, 9, -15))
