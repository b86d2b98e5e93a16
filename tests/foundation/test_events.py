import msgspec
import pytest

from glassbed import wiring
from glassbed.foundation import events


class Begun(msgspec.Struct, frozen=True):
    number: int


class Done(msgspec.Struct, frozen=True):
    number: int


@pytest.fixture
def subscribe():
    yield events.subscribe
    wiring.connect()


def test_who_subscribed_is_told_in_order_and_nobody_else(subscribe):
    told = []
    subscribe(
        [
            (Begun, lambda e: told.append(("a", e))),
            (Done, told.append),
            (Begun, lambda e: told.append(("b", e))),
        ]
    )
    events.tell(Begun(1))
    assert told == [("a", Begun(1)), ("b", Begun(1))]


def test_an_event_that_nobody_wants_is_fine(subscribe):
    subscribe([])
    events.tell(Begun(1))


def test_subscriptions_replace_those_before(subscribe):
    told = []
    subscribe([(Begun, told.append)])
    subscribe([(Done, told.append)])
    events.tell(Begun(1))
    assert told == []


def test_an_error_of_a_subscriber_ends_the_action(subscribe):
    subscribe([(Begun, lambda event: 1 / 0)])
    with pytest.raises(ZeroDivisionError):
        events.tell(Begun(1))


def test_every_event_of_the_features_has_a_subscriber():
    """Removing something without its belongings would break a key at commit."""
    from glassbed.features.jobs.events import PrintLeaves
    from glassbed.features.library.events import FileLeaves
    from glassbed.features.printers.events import PrinterLeaves, ShareEnds

    assert {kind for kind, _ in wiring.SUBSCRIPTIONS} == {PrinterLeaves, ShareEnds, FileLeaves, PrintLeaves}
