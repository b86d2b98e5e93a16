import uuid

import pytest

from glassbed.bridge.prints import PrintFollower
from glassbed.bridge.records import Job
from glassbed.protocol.messages import Print, PrintEnded, PrintStarted
from glassbed.protocol.reading import Reading, State

ORDER = Print(print_id=str(uuid.uuid4()), file_name="part.gcode", size_bytes=1, sha256="")


def reading(state, progress=None, file="part.gcode", **fields):
    return Reading(state=state, progress_ratio=progress, file_name=file, **fields)


READY = Reading(state=State.READY)


@pytest.fixture
def follower():
    """Follows a print from here that the printer has begun."""
    follower = PrintFollower()
    follower.order(ORDER)
    follower.accepted(100.0)
    follower.take(reading(State.PRINTING, 0.1, elapsed_s=5), 101.0)
    return follower


def only(happenings):
    (happening,) = happenings
    return happening


def test_a_print_from_here_starts_when_the_host_accepts_it():
    follower = PrintFollower()
    follower.order(ORDER)
    assert follower.is_sending
    assert follower.take(READY, 99.0) == []
    started = only(follower.accepted(100.0))
    assert started == PrintStarted(print_id=ORDER.print_id, file_name="part.gcode", started_at=100.0)


def test_a_print_begun_at_the_printer_gets_an_id_of_its_own_and_the_time_it_began():
    follower = PrintFollower()
    started = only(follower.take(reading(State.PRINTING, 0.3, "own.gcode", elapsed_s=60), 1000.0))
    assert started.at_printer
    assert (started.file_name, started.started_at) == ("own.gcode", 940.0)
    assert follower.take(reading(State.PRINTING, 0.4, "own.gcode"), 1001.0) == []
    ended = only(follower.take(reading(State.READY, 1.0, "own.gcode"), 1100.0))
    assert (ended.print_id, ended.outcome) == (started.print_id, "completed")


@pytest.mark.parametrize("state", [State.READY, State.OFFLINE, State.STARTING, State.ERROR, State.CANCELLING])
def test_no_print_begins_in_a_state_without_work(state):
    assert PrintFollower().take(reading(state), 1.0) == []


def test_a_finished_print_is_completed_with_its_time_and_filament(follower):
    follower.take(reading(State.PRINTING, 1.0, elapsed_s=58, filament_mm=120.0), 150.0)
    ended = only(follower.take(READY, 160.0))
    assert ended == PrintEnded(
        print_id=ORDER.print_id,
        ended_at=160.0,
        outcome="completed",
        progress_ratio=1.0,
        duration_s=58,
        filament_mm=120.0,
    )
    assert follower.job is None


def test_a_print_that_stopped_shortly_before_its_end_is_not_completed(follower):
    follower.take(reading(State.PRINTING, 0.97), 150.0)
    assert only(follower.take(READY, 160.0)).outcome == "cancelled"


def test_a_pause_is_no_end(follower):
    for state in (State.PAUSING, State.PAUSED, State.RESUMING, State.PRINTING):
        assert follower.take(reading(state, 0.5), 110.0) == []


def test_a_print_cancelled_from_here_is_cancelled(follower):
    follower.cancel_ordered()
    assert only(follower.take(reading(State.READY, 1.0), 110.0)).outcome == "cancelled"


def test_a_print_seen_cancelling_at_the_printer_is_cancelled(follower):
    follower.take(reading(State.CANCELLING, 0.99), 109.0)
    assert only(follower.take(READY, 110.0)).outcome == "cancelled"


def test_a_print_that_stops_in_the_middle_without_a_word_was_cancelled_at_the_printer(follower):
    assert only(follower.take(READY, 110.0)).outcome == "cancelled"


@pytest.mark.parametrize("state", [State.ERROR, State.STOPPED])
def test_a_fault_ends_the_print_with_the_hosts_words(follower, state):
    ended = only(follower.take(reading(state, message="Heater failed"), 110.0))
    assert (ended.outcome, ended.reason) == ("failed", "Heater failed")


def test_a_host_out_of_reach_ends_nothing_until_it_is_back(follower):
    for state in (State.OFFLINE, State.REFUSED, State.STARTING):
        assert follower.take(Reading(state=state), 110.0) == []
    assert follower.take(reading(State.PRINTING, 0.6), 120.0) == []
    follower.take(Reading(state=State.OFFLINE), 130.0)
    ended = only(follower.take(READY, 140.0))
    assert (ended.outcome, "not seen" in ended.reason) == ("failed", True)


def test_a_print_that_finished_while_out_of_reach_is_completed_if_the_host_says_so(follower):
    follower.take(Reading(state=State.OFFLINE), 130.0)
    assert only(follower.take(reading(State.READY, 1.0), 140.0)).outcome == "completed"


def test_another_file_is_another_print(follower):
    ended, started = follower.take(reading(State.PRINTING, 0.01, "next.gcode"), 110.0)
    assert (ended.print_id, ended.outcome) == (ORDER.print_id, "cancelled")
    assert (started.file_name, started.at_printer) == ("next.gcode", True)


def test_a_host_that_says_ready_for_a_moment_after_it_accepted_has_not_ended():
    follower = PrintFollower()
    follower.order(ORDER)
    follower.accepted(100.0)
    assert follower.take(READY, 101.0) == []
    assert follower.take(reading(State.READY, 1.0), 102.0) == []  # of the print before
    assert follower.take(reading(State.PRINTING, 0.0), 103.0) == []
    assert only(follower.take(READY, 104.0)).outcome == "cancelled"


def test_a_print_too_short_to_be_seen_is_completed_after_a_while():
    follower = PrintFollower()
    follower.order(ORDER)
    follower.accepted(100.0)
    assert only(follower.take(READY, 116.0)).outcome == "completed"


def test_a_failed_hand_over_ends_the_print_before_it_began():
    follower = PrintFollower()
    follower.order(ORDER)
    ended = only(follower.failed(100.0, "no space"))
    assert (ended.outcome, ended.duration_s, ended.reason) == ("failed", 0, "no space")


def restarted(phase, **fields):
    return PrintFollower(Job(print_id=ORDER.print_id, file_name="part.gcode", phase=phase, **fields))


def test_a_print_goes_on_through_a_restart_of_the_bridge():
    follower = restarted("seen", started_at=50.0, host_file="part.gcode")
    assert follower.take(reading(State.PRINTING, 0.5), 100.0) == []
    assert only(follower.take(reading(State.READY, 1.0), 110.0)).print_id == ORDER.print_id


def test_a_hand_over_cut_off_by_a_restart_failed_unless_the_host_prints_it():
    failed = only(restarted("sending").take(READY, 100.0))
    assert (failed.outcome, "restarted" in failed.reason) == ("failed", True)
    assert restarted("sending").take(Reading(state=State.OFFLINE), 100.0) == []
    started = only(restarted("sending").take(reading(State.PRINTING), 100.0))
    assert isinstance(started, PrintStarted)
    assert started.print_id == ORDER.print_id


def test_a_print_whose_end_fell_into_a_restart_is_not_called_completed_by_guess():
    ended = only(restarted("seen", started_at=50.0).take(READY, 100.0))
    assert ended.outcome == "failed"
