"""What the history shows, and what of it the dashboard counts."""

from datetime import UTC, datetime, timedelta

import people
import pytest

from glassbed.features.jobs import queries
from glassbed.features.jobs.models import Print
from glassbed.foundation.purpose import purpose

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def owner():
    return people.make_person()


@pytest.fixture
def printer(owner):
    return people.make_printer(owner)


def make(printer, owner, name, state="completed", **fields):
    made = people.make_print(printer, owner, None, state)
    with purpose("printing", person=owner.pk):
        Print.objects.filter(pk=made.pk).update(file_name=name, **fields)
    return made


def shown(owner, **asked):
    response = people.browser_of(owner).get("/history/", asked)
    assert response.status_code == 200
    page = response.content.decode()
    return sorted(name for name in ("here.gcode", "there.gcode", "waits.gcode") if name in page)


def test_what_waits_is_no_history(owner, printer):
    make(printer, owner, "here.gcode")
    make(printer, owner, "there.gcode", "sending")
    make(printer, owner, "waits.gcode", "queued")
    assert shown(owner) == ["here.gcode", "there.gcode"]


def test_the_history_of_one_printer_is_that_of_no_other(owner, printer):
    make(printer, owner, "here.gcode")
    make(people.make_printer(owner), owner, "there.gcode")
    assert shown(owner) == ["here.gcode", "there.gcode"]
    assert shown(owner, printer=printer.pk) == ["here.gcode"]


def test_the_history_of_somebody_elses_printer_is_not_found(owner):
    foreign = people.make_printer(people.make_person())
    browser = people.browser_of(owner)
    assert browser.get("/history/", {"printer": foreign.pk}).status_code == 404
    assert browser.get("/history/", {"printer": "x"}).status_code == 404


def test_a_week_counts_what_ended_in_its_seven_days(owner, printer):
    """Just in, just out on either side, and what has not ended."""
    week = timedelta(days=7)
    figures = {"duration_s": 100, "filament_mm": 10.5}
    make(printer, owner, "in", ended_at=NOW, **figures)
    make(printer, owner, "in", "failed", ended_at=NOW - week + timedelta(seconds=1), duration_s=1)
    make(printer, owner, "old", ended_at=NOW - week, **figures)
    make(printer, owner, "later", ended_at=NOW + timedelta(seconds=1), **figures)
    make(printer, owner, "under way", "printing", ended_at=NOW, **figures)
    with purpose("printing", person=owner.pk):
        assert queries.last_week(NOW) == queries.Totals(2, 1, 101, 10.5)


def test_a_week_without_a_print_is_all_zeros(owner):
    with purpose("printing", person=owner.pk):
        assert queries.last_week(NOW) == queries.Totals(0, 0, 0, 0.0)


def test_what_is_under_way_and_what_waits_is_counted_by_printer(owner, printer):
    other = people.make_printer(owner)
    running = make(printer, owner, "runs", "printing")
    for state in ("queued", "queued", "completed"):
        make(printer, owner, state, state)
    make(other, owner, "over", "failed")
    with purpose("printing", person=owner.pk):
        assert queries.waiting_by_printer() == {printer.pk: 2}
        assert {key: item.pk for key, item in queries.under_way_by_printer().items()} == {
            printer.pk: running.pk
        }
        assert queries.under_way(other) is None
    assert str(running) == "cube.gcode"


def test_a_print_under_way_stays_in_the_history(owner, printer):
    running = make(printer, owner, "runs", "printing")
    response = people.browser_of(owner).post(f"/prints/{running.pk}/remove/")
    assert response.status_code == 409
    assert "Cancel it first" in response.content.decode()
    assert people.seen_by(owner, Print, running.pk)
