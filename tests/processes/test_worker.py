"""The worker's loop: every chore in its own rhythm, none at the mercy of another."""

import logging
import threading

import instance
import pytest

from glassbed.processes import worker
from glassbed.processes.worker import Chore, work

assert instance  # log fields are declared by the pack that it loads
pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def stopping():
    return threading.Event()


def test_a_chore_that_fails_ends_no_other_and_is_tried_again(stopping, caplog):
    caplog.set_level(logging.ERROR, worker.__name__)
    done = []

    def fail():
        done.append("fail")
        raise RuntimeError("the database is away")

    def go_on():
        done.append("go on")
        if done.count("go on") == 2:
            stopping.set()
        return 1

    work([Chore("seal_ledger", 0, fail), Chore("tidy", 0, go_on)], stopping)
    assert done == ["fail", "go on", "fail", "go on"]
    assert [record.getMessage() for record in caplog.records] == ["chore_failed"] * 2


def test_what_is_not_due_waits_for_its_time(stopping):
    done = []

    def often():
        done.append("often")
        if done.count("often") == 3:
            stopping.set()
        return 0

    def seldom():
        done.append("seldom")
        return 1

    work([Chore("seal_ledger", 0.01, often), Chore("tidy", 3600, seldom)], stopping)
    assert done == ["often", "seldom", "often", "often"]


def test_a_worker_that_is_told_to_stop_begins_nothing(stopping):
    stopping.set()
    work([Chore("tidy", 0, lambda: pytest.fail("it began"))], stopping)


def test_only_what_was_done_is_worth_a_line(stopping, caplog):
    caplog.set_level(logging.DEBUG, worker.__name__)
    counts = iter([3, 0])

    def tidy():
        count = next(counts)
        if not count:
            stopping.set()
        return count

    work([Chore("tidy", 0, tidy)], stopping)
    lines = [(record.getMessage(), record.glassbed) for record in caplog.records]
    assert lines == [("worker_started", {}), ("tidy", {"count": 3})]


def test_it_takes_no_arguments(capsys):
    assert worker.main(["now"]) == 2
    assert capsys.readouterr().out == "glassbed worker takes no arguments\n"
