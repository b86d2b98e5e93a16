"""What bridges report, twice each: the recorder keeps it once."""

import itertools

import people
import pytest
from features.on_the_bus import Overhearing

from glassbed.features.jobs.models import Print
from glassbed.features.printers.models import Connection, Printer
from glassbed.features.traces.models import Chunk
from glassbed.foundation.purpose import purpose
from glassbed.processes import recorder
from glassbed.protocol import messages, subjects, trace
from glassbed.protocol.ids import uuid7

pytestmark = pytest.mark.integration
SAMPLES = trace.encode([trace.TraceSample(nozzle_c=210.0)])


@pytest.fixture
def owner(servers):
    return people.make_person()


@pytest.fixture
def printer(owner):
    return people.make_printer(owner)


@pytest.fixture
def record(servers, printer):
    """Hand the recorder what the printer's bridge reports; returns the kinds of its answers."""

    def send(*happenings, bridge=None, of=None):
        payloads = [
            messages.encode(
                subjects.ToRecord(
                    bridge=str(bridge or printer.bridge_id),
                    event=messages.Event(id=str(uuid7()), printer=str(of or printer.pk), what=what),
                )
            )
            for what in happenings
        ]
        with servers.surface("recorder"):
            return [type(answer).__name__ for answer in recorder._keep(payloads)]

    return send


def started(print_id, **fields):
    return messages.PrintStarted(
        **({"print_id": str(print_id), "file_name": "cube.gcode", "started_at": 1000.0} | fields)
    )


def ended(print_id, **fields):
    return messages.PrintEnded(
        **({"print_id": str(print_id), "ended_at": 2000.0, "outcome": "completed"} | fields)
    )


def row(owner, print_id):
    with purpose("printing", person=owner.pk):
        return Print.objects.filter(pk=print_id).first()


def test_a_print_that_was_ordered_starts_and_ends(owner, printer, record):
    ordered = people.make_print(printer, owner, people.make_file(owner), "sending")
    assert record(started(ordered.pk), started(ordered.pk)) == ["Kept", "Kept"]
    assert row(owner, ordered.pk).state == "printing"
    end = ended(ordered.pk, progress_ratio=1.0, duration_s=1000, filament_mm=12.5)
    assert record(end, end) == ["Kept", "Kept"]
    found = row(owner, ordered.pk)
    assert (found.state, found.duration_s, found.filament_mm, found.at_printer) == (
        "completed",
        1000,
        12.5,
        False,
    )
    assert (found.started_at.timestamp(), found.ended_at.timestamp()) == (1000.0, 2000.0)


def test_a_print_begun_at_the_printer_appears_once_as_the_owners(owner, printer, record):
    print_id = uuid7()
    event = started(print_id, at_printer=True)
    assert record(event, event) == ["Kept", "Kept"]
    found = row(owner, print_id)
    assert (found.person_id, found.at_printer, found.file_id, found.state) == (
        owner.pk,
        True,
        None,
        "printing",
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_events_in_any_order_never_lead_back(owner, printer, record, order):
    ordered = people.make_print(printer, owner, None, "sending")
    events = [
        started(ordered.pk),
        started(ordered.pk),
        ended(ordered.pk),
        ended(ordered.pk, outcome="failed", reason="late"),
    ]
    for index in order:
        record(events[index])
    first = next(index for index in order if index >= 2)
    assert row(owner, ordered.pk).state == ("completed" if first == 2 else "failed")


def test_the_end_of_an_unknown_print_is_dropped(record):
    assert record(ended(uuid7())) == ["Dropped"]


def test_a_bridge_reports_for_its_own_printers_only(owner, printer, record):
    other = people.make_printer(people.make_person())
    assert record(started(uuid7()), bridge=other.bridge_id) == ["Dropped"]
    assert record(started(uuid7()), of=other.pk) == ["Dropped"]
    assert record(started(uuid7()), bridge=uuid7(), of=uuid7()) == ["Dropped"]


def test_with_history_off_nothing_is_kept(owner, printer, record):
    with purpose("printing", person=owner.pk):
        Printer.objects.update(keep_history=False)
    print_id = uuid7()
    assert record(started(print_id), messages.Fault(at=1.0, message="x")) == ["Dropped", "Dropped"]
    assert row(owner, print_id) is None


def test_connections_and_faults_are_kept_once(owner, printer, record):
    connection = str(uuid7())
    facts = messages.HostFacts(software="OctoPrint 1.11", firmware="Marlin", can=("pause",))
    come = messages.Connected(connection_id=connection, since=1000.0, facts=facts)
    fault = messages.Fault(at=1500.0, message="Thermal runaway")
    go = messages.Disconnected(connection_id=connection, until=2000.0)
    assert record(come, come, fault, fault, go, go) == ["Kept"] * 6
    with purpose("printing", person=owner.pk):
        (kept,) = Connection.objects.all()
        known = Printer.objects.get()
    assert (kept.since.timestamp(), kept.until.timestamp(), kept.fault) == (1000.0, 2000.0, "Thermal runaway")
    assert (known.software, known.firmware, known.can) == ("OctoPrint 1.11", "Marlin", ["pause"])


def test_what_is_no_event_stays_unanswered_and_harms_no_other(owner, printer, record, servers):
    print_id = uuid7()
    good = messages.encode(
        subjects.ToRecord(
            bridge=str(printer.bridge_id),
            event=messages.Event(id=str(uuid7()), printer=str(printer.pk), what=started(print_id)),
        )
    )
    with servers.surface("recorder"):
        answers = recorder._keep([b"{}", b"\xff", good])
    assert [type(answer).__name__ for answer in answers] == ["NoneType", "NoneType", "Kept"]


def test_a_print_of_another_printer_is_not_taken_over(owner, printer, record):
    print_id = uuid7()
    other = people.make_printer(owner)
    assert record(started(print_id), of=other.pk, bridge=other.bridge_id) == ["Kept"]
    assert record(started(print_id)) == ["Dropped"]


# -- traces ----------------------------------------------------------------------------------------------------


def chunk(print_id, minute=0, samples=SAMPLES):
    return messages.TraceChunk(print_id=str(print_id), minute=minute, samples=samples)


def minutes(owner, print_id):
    with purpose("printing", person=owner.pk):
        rows = Chunk.objects.filter(print=print_id).order_by("minute")
        return [(c.minute, bytes(c.samples), c.person_id) for c in rows]


def test_a_chunk_sent_twice_is_kept_once_and_answered_twice(owner, printer, record):
    done = people.make_print(printer, owner, None, "printing")
    assert record(chunk(done.pk), chunk(done.pk), chunk(done.pk, 1)) == ["Kept"] * 3
    assert record(chunk(done.pk, samples=b"other")) == ["Kept"]
    assert minutes(owner, done.pk) == [(0, SAMPLES, owner.pk), (1, SAMPLES, owner.pk)]


def test_a_foreign_chunk_is_dropped_and_the_batch_kept(owner, printer, record):
    stranger = people.make_person()
    foreign = people.make_print(people.make_printer(stranger), stranger, None, "printing")
    own = people.make_print(printer, owner, None, "printing")
    assert record(chunk(foreign.pk), chunk(own.pk), chunk(uuid7())) == ["Dropped", "Kept", "Dropped"]
    assert minutes(stranger, foreign.pk) == []
    assert record(chunk(own.pk, 1), bridge=uuid7()) == ["Dropped"]


def test_with_traces_off_no_chunk_is_kept(owner, printer, record):
    done = people.make_print(printer, owner, None, "printing")
    with purpose("printing", person=owner.pk):
        Printer.objects.update(keep_trace=False)
    assert record(chunk(done.pk)) == ["Dropped"]


def test_a_trace_is_shown_as_series(owner, printer, record):
    done = people.make_print(printer, owner, None, "sending")
    record(started(done.pk), chunk(done.pk))
    browser = people.browser_of(owner)
    found = browser.get(f"/prints/{done.pk}/trace.json").json()
    assert found["t"] == [1000]
    assert [series["values"] for series in found["series"]] == [[210.0], [None]]
    assert browser.get(f"/prints/{done.pk}/").status_code == 200


# -- connections, and who is told ----------------------------------------------------------------------------------


def test_a_fault_belongs_to_the_connection_that_is_open_and_an_end_is_reported_once(owner, printer, record):
    first, second = str(uuid7()), str(uuid7())
    facts = messages.HostFacts()
    record(
        messages.Connected(connection_id=first, since=1000.0, facts=facts),
        messages.Disconnected(connection_id=first, until=1100.0),
        messages.Connected(connection_id=second, since=1200.0, facts=facts),
        messages.Fault(at=1300.0, message="Thermal runaway"),
        messages.Disconnected(connection_id=first, until=9999.0),
    )
    with purpose("printing", person=owner.pk):
        kept = {str(c.pk): (c.fault, c.until and c.until.timestamp()) for c in Connection.objects.all()}
    assert kept == {first: ("", 1100.0), second: ("Thermal runaway", None)}


def test_the_end_of_a_print_says_why_and_is_told_to_open_pages(owner, printer, record):
    running = people.make_print(printer, owner, None, "printing")
    with Overhearing(subjects.changed(str(printer.pk))) as heard:
        record(ended(running.pk, outcome="failed", reason="Thermal runaway", progress_ratio=0.5))
    found = row(owner, running.pk)
    assert (found.reason, found.progress_ratio) == ("Thermal runaway", 0.5)
    assert [messages.decode_for_browser(said.payload).what for said in heard.said] == ["print"]
