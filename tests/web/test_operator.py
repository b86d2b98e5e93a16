"""The operator's desk: for the operator alone, without a person in it."""

from datetime import UTC, date, datetime, timedelta

import people
import pytest
from django.conf import settings
from django.utils import timezone

from glassbed.features.jobs.models import Print
from glassbed.features.trust.verification import Control, verify_controls
from glassbed.foundation.purpose import purpose
from glassbed.web.operator import FEWEST_PEOPLE, ROUNDED_TO, WEEKS, prints_by_week

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]

LONG_AGO = datetime(2011, 3, 9, 12, tzinfo=UTC)
"""A Wednesday of a time in which no other test prints."""
MONDAY = datetime(2011, 3, 14, tzinfo=UTC)
"""When that week is over."""


@pytest.fixture(autouse=True)
def nobody_printed(servers):
    with servers.superuser() as admin:
        admin.execute("DELETE FROM jobs_print WHERE created_at < '2012-01-01'")


def print_in_that_week(count, at=LONG_AGO, each=1):
    for _ in range(count):
        person = people.make_person()
        printer = people.make_printer(person)
        done = [people.make_print(printer, person).pk for _ in range(each)]
        with purpose("printing", person=person.pk):
            Print.objects.filter(pk__in=done).update(created_at=at)


def counted(as_of=MONDAY):
    with purpose("statistics"):
        return [week.prints for week in prints_by_week(as_of)]


def test_only_the_operator_has_the_desk():
    assert people.browser_of(people.make_person()).get("/desk/").status_code == 403
    page = people.browser_of(people.make_person(is_operator=True)).get("/desk/")
    assert page.status_code == 200
    assert settings.GLASSBED_PACK.title in page.content.decode()
    assert "as the pack says" in page.content.decode()


def test_sums_of_few_people_are_not_shown():
    print_in_that_week(FEWEST_PEOPLE - 1)
    assert counted() == [None]
    print_in_that_week(1)
    assert counted() == [ROUNDED_TO]


def test_sums_are_rounded():
    print_in_that_week(FEWEST_PEOPLE, each=2)
    assert counted() == [10]
    print_in_that_week(1, each=4)
    assert counted() == [10]
    print_in_that_week(1)
    assert counted() == [20]


def test_only_weeks_that_are_over_are_counted_and_each_is_whole():
    print_in_that_week(FEWEST_PEOPLE)
    last = MONDAY - timedelta(microseconds=1)
    assert [counted(last), counted(MONDAY)] == [[], [10]]
    still = MONDAY + timedelta(weeks=WEEKS) - timedelta(microseconds=1)
    assert [counted(still), counted(still + timedelta(microseconds=1))] == [[10], []]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_week_is_the_same_in_every_time_zone(zone):
    print_in_that_week(FEWEST_PEOPLE, at=MONDAY - timedelta(hours=1))
    print_in_that_week(FEWEST_PEOPLE, at=MONDAY + timedelta(hours=1), each=4)
    with timezone.override(zone), purpose("statistics"):
        weeks = prints_by_week(MONDAY + timedelta(weeks=1))
    assert weeks == [(date(2011, 3, 14), 20), (date(2011, 3, 7), 10)]


def test_a_count_over_everybody_leaves_one_entry_with_its_rule_and_no_person(servers):
    with servers.superuser() as admin:
        asked = "SELECT count(*) FROM foundation_ledgernote WHERE kind = 'counted' AND person_id IS NULL"
        (before,) = admin.execute(asked).fetchone()
        people.browser_of(people.make_person(is_operator=True)).get("/desk/")
        assert admin.execute(asked).fetchone() == (before + 1,)


def test_drift_is_on_the_desk(servers):
    with servers.superuser() as admin:
        admin.execute(f"GRANT SELECT ON library_file TO {settings.GLASSBED_ROLES.purpose('statistics')}")
    try:
        page = people.browser_of(people.make_person(is_operator=True)).get("/desk/").content.decode()
        assert "The database is not what the policy makes of it" in page
        assert "library_file" in page
    finally:
        with servers.superuser() as admin:
            admin.execute(
                f"REVOKE SELECT ON library_file FROM {settings.GLASSBED_ROLES.purpose('statistics')}"
            )


@pytest.mark.promise("GB-02", part="statements that tests and people keep")
def test_each_statement_of_the_notice_names_its_control_and_how_it_stood(servers, monkeypatch):
    with servers.surface("worker"):
        verify_controls(
            [Control("database", list, lambda: ["planted"]), Control("gate", lambda: ["x"], lambda: ["y"])]
        )
    text = people.visitor().get("/privacy/notice/").content.decode()
    activity = text[text.index('id="activity-printing"') :].partition("</article>")[0]
    assert "the database" in activity
    assert "holds" in activity
    assert "data-time" in activity
    disclosure = text[text.index('id="disclosure-mail"') :].partition("</article>")[0]
    assert "the gate" in disclosure
    assert "fails" in disclosure
    right = text[text.index('id="right-access"') :].partition("</article>")[0]
    assert "the tests of this software, and its operator" in right


def test_a_control_that_found_nothing_planted_is_not_green(servers):
    with servers.surface("worker"):
        verify_controls([Control("log", list, list)])
    text = people.visitor().get("/privacy/notice/").content.decode()
    log = text[text.index('id="log') :].partition("</article>")[0]
    assert "not proven" in log
    assert "text-success" not in log
