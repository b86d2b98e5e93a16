import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbed.protocol.reading import BUSY, FIELDS, REACHABLE, Reading, State, difference, merge, rounded

numbers = st.none() | st.floats(0, 1000, allow_nan=False)
readings = st.builds(
    Reading,
    state=st.sampled_from(State),
    message=st.none() | st.text(max_size=5),
    print_id=st.none() | st.just("p"),
    progress_ratio=numbers,
    layer=st.none() | st.integers(0, 10),
    nozzle_c=numbers,
    bed_c=numbers,
)


@given(readings, readings)
def test_a_delta_merged_gives_the_reading_after(before, after):
    assert merge(before, difference(before, after)) == after


@given(readings)
def test_without_a_reading_before_the_delta_is_everything_known(reading):
    delta = difference(None, reading)
    assert None not in delta.values()
    assert merge(None, delta) == reading


@given(readings)
def test_nothing_changed_is_an_empty_delta(reading):
    assert difference(reading, reading) == {}


@given(readings)
def test_rounding_twice_changes_nothing_more(reading):
    assert rounded(rounded(reading)) == rounded(reading)


def test_noise_below_what_a_person_can_use_stays_off_the_wire():
    before = rounded(Reading(state=State.PRINTING, nozzle_c=215.01, progress_ratio=0.12341))
    after = rounded(Reading(state=State.PRINTING, nozzle_c=215.04, progress_ratio=0.12344))
    assert difference(before, after) == {}
    warmer = rounded(Reading(state=State.PRINTING, nozzle_c=215.16, progress_ratio=0.12341))
    assert difference(before, warmer) == {"nozzle_c": 215.2}


def test_what_is_not_known_any_more_is_said():
    before = Reading(state=State.PRINTING, layer=4)
    assert difference(before, Reading(state=State.PRINTING)) == {"layer": None}


@pytest.mark.parametrize(
    ("before", "delta"),
    [
        (None, {}),
        (None, {"state": "dancing"}),
        (Reading(state=State.READY), {"nozzle_f": 1}),
        (Reading(state=State.READY), {"layer": "x"}),
    ],
)
def test_a_delta_that_makes_no_reading_is_refused(before, delta):
    with pytest.raises(msgspec.ValidationError):
        merge(before, delta)


def test_every_state_is_reachable_or_not_and_busy_ones_are_reachable():
    assert State.OFFLINE not in REACHABLE
    assert BUSY <= REACHABLE
    assert FIELDS[0] == "state"
