import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbed.protocol.clock import ServerClock, estimate


def test_the_middle_of_the_trip_is_when_the_server_read_its_clock():
    offset = estimate(sent=100.0, server_time=5000.0, received=104.0)
    assert offset.seconds == 5000.0 - 102.0
    assert offset.error_s == 2.0


@given(
    start=st.floats(0, 1e6), there=st.floats(0, 30), back=st.floats(0, 30), difference=st.floats(-1e9, 1e9)
)
def test_the_true_offset_is_never_further_away_than_the_error_says(start, there, back, difference):
    offset = estimate(start, start + there + difference, start + there + back)
    assert abs(offset.seconds - difference) <= offset.error_s + 1e-5


def test_before_the_first_question_the_machines_own_clock_counts():
    clock = ServerClock(steady=lambda: 7.0, wall=lambda: 1234.5)
    assert not clock.is_measured
    assert clock.error_s == float("inf")
    assert clock.now() == 1234.5


def test_a_leap_of_the_machines_clock_does_not_move_the_servers_time():
    steady, wall = [50.0], [1000.0]
    clock = ServerClock(steady=lambda: steady[0], wall=lambda: wall[0])
    sent = clock.mark()
    steady[0] = 52.0
    clock.measured(sent, server_time=9000.0)
    assert clock.is_measured
    assert clock.error_s == 1.0
    wall[0] += 3600
    steady[0] += 10
    assert clock.now() == pytest.approx(9011.0)


def test_the_newest_answer_counts():
    clock = ServerClock(steady=lambda: 0.0)
    clock.measured(0.0, 100.0)
    clock.measured(0.0, 200.0)
    assert clock.now() == 200.0
