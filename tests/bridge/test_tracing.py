from glassbed.bridge.tracing import TraceCollector
from glassbed.protocol.reading import Reading, State
from glassbed.protocol.trace import TraceSample, decode


def warm(celsius):
    return Reading(state=State.PRINTING, nozzle_c=celsius, layer=2)


def test_a_minute_is_closed_when_the_next_begins():
    collector = TraceCollector("p", 1000.0)
    chunks = [collector.add(warm(float(second)), 1000.5 + second) for second in range(61)]
    assert chunks[:60] == [None] * 60
    assert chunks[60].minute == 0
    assert [sample.nozzle_c for sample in decode(chunks[60].samples)] == [
        float(second) for second in range(60)
    ]
    last = collector.finish()
    assert (last.minute, len(decode(last.samples))) == (1, 1)
    assert collector.finish() is None


def test_a_second_that_was_missed_holds_nothing_and_one_measured_twice_counts_once():
    collector = TraceCollector("p", 0.0)
    for now in (1.5, 1.9, 3.5):
        collector.add(warm(now), now)
    samples = decode(collector.finish().samples)
    nothing = TraceSample()
    assert samples == (
        nothing,
        TraceSample(nozzle_c=1.5, layer=2),
        nothing,
        TraceSample(nozzle_c=3.5, layer=2),
    )


def test_a_minute_that_a_restart_interrupted_is_finished_with_both_halves():
    before = TraceCollector("p", 0.0)
    before.add(warm(10.0), 60.5)
    after = TraceCollector("p", 0.0)
    after.restore(before.minute, before.packed())
    after.add(warm(12.0), 62.5)
    chunk = after.finish()
    assert chunk.minute == 1
    assert [sample.nozzle_c for sample in decode(chunk.samples)] == [10.0, None, 12.0]


def test_a_clock_that_goes_back_spoils_nothing():
    collector = TraceCollector("p", 1000.0)
    assert collector.add(warm(1.0), 900.0) is None
    assert collector.add(warm(2.0), 1065.0).minute == 0
    assert collector.add(warm(3.0), 1001.0) is None
    assert collector.finish().minute == 1
