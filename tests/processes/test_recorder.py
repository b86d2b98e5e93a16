"""The recorder as a process on the bus, and what it answers when the database refuses or goes away."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys

import instance
import nats
import people
import pytest
from nats.errors import NoRespondersError

from glassbed.features.jobs.models import Print
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


def to_record(printer, what):
    event = messages.Event(id=str(uuid7()), printer=str(printer.pk), what=what)
    return messages.encode(subjects.ToRecord(bridge=str(printer.bridge_id), event=event))


def start_of(print_id):
    return messages.PrintStarted(print_id=str(print_id), file_name="cube.gcode", started_at=1000.0)


def chunk(print_id, minute=0):
    return messages.TraceChunk(print_id=str(print_id), minute=minute, samples=SAMPLES)


def kinds(answers):
    return [type(answer).__name__ for answer in answers]


def rows(owner, model, **which):
    with purpose("printing", person=owner.pk):
        return list(model.objects.filter(**which).values_list("pk", flat=True))


@contextlib.contextmanager
def refused(servers, table, condition):
    """Let the database refuse rows of a table for good."""
    with servers.superuser() as admin:
        admin.execute(f"ALTER TABLE {table} ADD CONSTRAINT never CHECK ({condition}) NOT VALID")
    try:
        yield
    finally:
        with servers.superuser() as admin:
            admin.execute(f"ALTER TABLE {table} DROP CONSTRAINT never")


def cut_off(servers):
    """End the recorder's connections, as a restart of the database does."""
    with servers.superuser() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s",
            [instance.settings.INSTANCE.roles.login("recorder")],
        )


def test_a_chunk_that_can_not_be_stored_is_refused_alone(servers, owner, printer):
    done = people.make_print(printer, owner, None, "printing")
    batch = [to_record(printer, chunk(done.pk, minute)) for minute in (1, 4242, 2)]
    with refused(servers, "traces_chunk", "minute <> 4242"), servers.surface("recorder"):
        answers = recorder._keep(batch)
    assert kinds(answers) == ["Kept", "Dropped", "Kept"]
    assert sorted(minute for _, minute in rows(owner, Chunk, print=done.pk)) == [1, 2]


def test_an_event_that_can_not_be_stored_is_refused_alone(servers, owner, printer):
    bad, good = uuid7(), uuid7()
    batch = [to_record(printer, start_of(print_id)) for print_id in (bad, good)]
    with refused(servers, "jobs_print", f"id <> '{bad}'"), servers.surface("recorder"):
        answers = recorder._keep(batch)
    assert kinds(answers) == ["Dropped", "Kept"]
    assert rows(owner, Print, printer=printer) == [good]


@pytest.mark.parametrize("kind", ["event", "chunk"])
def test_without_a_database_nothing_is_answered_and_what_comes_again_is_kept(
    servers, owner, printer, caplog, kind
):
    caplog.set_level(logging.ERROR, recorder.__name__)
    known = people.make_print(printer, owner, None, "printing")
    payload = to_record(printer, start_of(uuid7()) if kind == "event" else chunk(known.pk))
    with servers.surface("recorder"):
        assert kinds(recorder._keep([to_record(printer, chunk(known.pk, 7))])) == ["Kept"]
        cut_off(servers)
        assert recorder._keep([payload]) == [None]
        assert kinds(recorder._keep([payload])) == ["Kept"]
    assert [record.getMessage() for record in caplog.records] == [f"{kind}{'s' * (kind == 'chunk')}_failed"]


def test_it_takes_no_arguments(capsys):
    assert recorder.main(["--all"]) == 2
    assert capsys.readouterr().out == "glassbed recorder takes no arguments\n"


@pytest.fixture
def process(servers):
    """`glassbed recorder` on the servers of the tests."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("GLASSBED_", "GB_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "glassbed.cli", "recorder"],
        env=others
        | {
            "GLASSBED_HOME": str(instance.HOME),
            "GLASSBED_DATABASE_URL": instance.postgres.url(
                instance.SUPERUSER, instance.DATABASE, instance.postgres.superuser_password
            ),
            "GLASSBED_NATS_URL": instance.nats.url,
        },
    ) as running:
        yield running
        running.kill()


async def test_it_answers_on_the_bus_after_its_commit_and_ends_when_told(servers, owner, printer, process):
    client = await nats.connect(instance.nats.url)
    print_id = uuid7()
    unanswered = await client.subscribe("test.unanswered")
    async with asyncio.timeout(30):
        while True:
            try:
                await client.request(subjects.RECORD_EVENT, to_record(printer, start_of(uuid7())), 5)
                break
            except NoRespondersError:
                assert process.poll() is None
                await asyncio.sleep(0.05)
    await client.publish(subjects.RECORD_EVENT, b"{}", reply="test.unanswered")
    reply = await client.request(subjects.RECORD_EVENT, to_record(printer, start_of(print_id)), 10)
    assert b'"kept"' in reply.data
    assert await asyncio.to_thread(rows, owner, Print, pk=print_id) == [print_id]
    await client.flush()
    assert unanswered.pending_msgs == 0
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 20) == 0
    with pytest.raises(NoRespondersError):
        await client.request(subjects.RECORD_EVENT, b"{}", 5)
    await client.close()
