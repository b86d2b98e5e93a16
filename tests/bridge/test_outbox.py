import uuid

import pytest

from glassbed.bridge.outbox import Outbox
from glassbed.protocol.messages import Event, Fault, TraceChunk

PRINTER = str(uuid.uuid4())


def fault(message="hot", printer=PRINTER):
    return Event(id=str(uuid.uuid4()), printer=printer, what=Fault(at=1.0, message=message))


def trace(printer=PRINTER):
    what = TraceChunk(print_id=str(uuid.uuid4()), minute=0, samples=b"x" * 300)
    return Event(id=str(uuid.uuid4()), printer=printer, what=what)


@pytest.fixture
def reopen(home, identity):
    def open_(**limits):
        return Outbox(home.folder("outbox"), identity.seal("outbox"), **limits)

    return open_


def test_events_come_back_in_order_after_a_restart(reopen):
    outbox = reopen()
    events = [fault(str(number)) for number in range(12)]
    for event in events:
        assert outbox.put(event)
    again = reopen()
    assert [again.get(id_) for id_ in again.oldest(20)] == events
    late = fault()
    again.put(late)
    assert reopen().oldest(20)[-1] == late.id


def test_an_event_is_kept_once_and_forgotten_when_it_is_settled(reopen):
    outbox = reopen()
    event = fault()
    assert outbox.put(event)
    assert not outbox.put(event)
    assert len(outbox) == 1
    outbox.settle(event.id)
    outbox.settle(event.id)
    assert (len(outbox), outbox.size_bytes, len(reopen())) == (0, 0, 0)


def test_nothing_of_an_event_is_readable_on_the_disk(reopen, home):
    reopen().put(fault("the nozzle of Ada is cold"))
    (path,) = (home.path / "outbox").iterdir()
    assert b"Ada" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert home.path.stat().st_mode & 0o777 == 0o700


def test_a_full_outbox_drops_the_oldest_traces_first_and_counts_them(reopen):
    outbox = reopen(limit_events=4)
    oldest_event, first_trace, second_trace = fault(), trace(), trace()
    for event in (oldest_event, first_trace, second_trace, fault(), fault()):
        outbox.put(event)
    assert first_trace.id not in outbox.oldest(9)
    assert {oldest_event.id, second_trace.id} <= set(outbox.oldest(9))
    outbox.put(fault())
    outbox.put(fault())
    assert oldest_event.id not in outbox.oldest(9)
    lost = reopen().lost
    assert (lost.traces, lost.events) == (2, 1)


def test_the_outbox_is_bounded_in_bytes_too(reopen):
    outbox = reopen(limit_bytes=2000)
    for _ in range(20):
        outbox.put(trace())
    assert outbox.size_bytes <= 2000
    assert outbox.lost.traces + len(outbox) == 20


def test_a_damaged_event_is_counted_as_lost_and_the_others_stay(reopen, home):
    outbox = reopen()
    first, second = fault(), fault()
    outbox.put(first)
    outbox.put(second)
    path = next(path for path in (home.path / "outbox").iterdir() if first.id in path.name)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert outbox.get(first.id) is None
    assert outbox.get(second.id) == second
    assert reopen().lost.events == 1


def test_an_event_put_under_another_name_is_not_believed(reopen, home):
    outbox = reopen()
    first, second = fault("a"), fault("b")
    outbox.put(first)
    outbox.put(second)
    one, two = sorted((home.path / "outbox").iterdir())
    two.write_bytes(one.read_bytes())
    assert reopen().get(second.id) is None


def test_a_write_that_a_kill_cut_off_is_swept_away(reopen, home):
    half = home.folder("outbox") / f"000000000001-e-{PRINTER}-{uuid.uuid4()}.new"
    half.write_bytes(b"half")
    assert len(reopen()) == 0
    assert not half.exists()


def test_what_is_not_kept_any_more_is_withdrawn(reopen):
    other = str(uuid.uuid4())
    outbox = reopen()
    for event in (fault(), trace(), fault(printer=other), trace(other)):
        outbox.put(event)
    assert outbox.withdraw(PRINTER, only_traces=True) == 1
    assert outbox.withdraw(PRINTER) == 1
    assert outbox.withdraw_except({PRINTER}) == 2
    assert len(reopen()) == 0


def test_an_event_that_the_server_could_not_read_is_not_taken(reopen):
    outbox = reopen()
    assert not outbox.put(fault("x" * 3000))
    assert len(outbox) == 0


def test_status_counts_without_opening(reopen, home):
    outbox = reopen()
    outbox.put(fault())
    outbox.put(trace())
    counted = Outbox.counted(home.path / "outbox")
    assert (counted.events, counted.traces) == (1, 1)
