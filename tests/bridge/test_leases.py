import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbed.bridge.leases import LONGEST_S, Seen, refusal
from glassbed.protocol.messages import Command, Pause, Print
from glassbed.protocol.reading import State


def lease(*, expires_at=110.0, order=None, expects=()):
    return Command(
        id=str(uuid.uuid4()), order=order or Pause(), issued_at=100.0, expires_at=expires_at, expects=expects
    )


def decide(command, *, now=105.0, state=State.PRINTING, seen=(), prints=()):
    return refusal(command, now=now, state=state, seen=seen, prints=prints)


def test_a_lease_in_time_for_the_first_time_in_the_expected_state_holds():
    assert decide(lease(expects=(State.PRINTING, State.PAUSED))) is None
    assert decide(lease()) is None


def test_a_late_lease_is_refused_and_told_how_late():
    assert "7.5 s too late" in decide(lease(), now=117.5)
    assert "90 s too late" in decide(lease(), now=200)


def test_a_repeated_lease_is_refused():
    command = lease()
    assert "received before" in decide(command, seen={command.id})


def test_a_lease_for_another_state_is_refused_and_names_the_state():
    assert "paused" in decide(lease(expects=(State.PRINTING,)), state=State.PAUSED)


def test_a_lease_that_would_hold_for_hours_is_refused():
    assert "longer" in decide(lease(expires_at=105 + LONGEST_S + 1))


def test_a_print_is_not_started_twice_even_by_a_new_lease():
    order = Print(print_id=str(uuid.uuid4()), file_name="a", size_bytes=1, sha256="")
    assert decide(lease(order=order)) is None
    assert "started before" in decide(lease(order=order), prints=[order.print_id])


@given(now=st.floats(0, 1000), expires_at=st.floats(0, 1000), state=st.sampled_from(State))
def test_only_a_lease_in_time_and_state_ever_holds(now, expires_at, state):
    command = lease(expires_at=expires_at, expects=(State.PAUSED,))
    holds = decide(command, now=now, state=state) is None
    assert holds == (now <= expires_at <= now + LONGEST_S and state is State.PAUSED)


def test_what_was_seen_survives_a_restart_until_it_is_late_anyway(home):
    seen = Seen(home)
    early, late = lease(expires_at=110), lease(expires_at=500)
    seen.note(early, 105)
    seen.note(late, 105)
    assert set(Seen(home).commands) == {early.id, late.id}
    seen.note(lease(expires_at=600), 400)
    assert early.id not in Seen(home).commands
    assert late.id in Seen(home).commands


@pytest.mark.parametrize("count", [1, 3])
def test_started_prints_are_remembered_for_longer_than_their_leases(home, count):
    orders = [Print(print_id=str(uuid.uuid4()), file_name="a", size_bytes=1, sha256="") for _ in range(count)]
    seen = Seen(home)
    for order in orders:
        seen.note(lease(order=order), 105)
    seen.note(lease(expires_at=99_999), 99_990)
    assert list(Seen(home).prints) == [order.print_id for order in orders]
