import itertools

import pytest

from glassbed.features.jobs import rules
from glassbed.features.jobs.models import Print
from glassbed.policy.binding import Level
from glassbed.protocol.errors import Conflict, NotAllowed
from glassbed.protocol.ids import uuid7

STATES = [state.value for state in Print.State]
ALLOWED = {
    ("queued", "sending"),
    *(("queued", following) for following in ("printing", "completed", "cancelled", "failed")),
    ("sending", "printing"),
    ("sending", "queued"),
    *(("sending", end) for end in ("completed", "cancelled", "failed")),
    *(("printing", end) for end in ("completed", "cancelled", "failed")),
}


def test_every_state_says_how_it_may_go_on():
    assert set(rules.NEXT) == set(STATES)


@pytest.mark.parametrize(("state", "following"), list(itertools.product(STATES, STATES)))
def test_a_print_goes_on_as_allowed_and_never_back(state, following):
    assert rules.may_become(state, following) == ((state, following) in ALLOWED)
    if (state, following) in ALLOWED:
        rules.require_next(state, following)
    else:
        with pytest.raises(Conflict):
            rules.require_next(state, following)


def test_what_has_ended_stays_so():
    assert {state for state in STATES if not rules.NEXT[state]} == set(Print.ENDED)


def test_a_print_is_removed_by_its_person_or_the_printers_owner():
    anna, ben = uuid7(), uuid7()
    rules.require_own(anna, anna, Level.VIEWER)
    rules.require_own(anna, ben, Level.OWNER)
    with pytest.raises(NotAllowed):
        rules.require_own(anna, ben, Level.OPERATOR)
