"""Every version of the policy stays readable, with its date and what it changed; and the one of any day can be asked for."""

from datetime import UTC, datetime

import msgspec
import people
import pytest
from django.conf import settings

from glassbed.foundation import apply
from glassbed.policy.pack import digest

pytestmark = pytest.mark.integration

HOUSE = settings.GLASSBED_PACK


@pytest.fixture(scope="module")
def older(servers):
    """A version that was applied long ago, and had no statistics."""
    activities = {k: v for k, v in HOUSE.activities.items() if k != "statistics"}
    choices = {k: v for k, v in HOUSE.choices.items() if k != "statistics"}
    without = {
        key: msgspec.structs.replace(f, activities=tuple(a for a in f.activities if a in activities))
        for key, f in HOUSE.features.items()
    }
    changed = {"activities": activities, "choices": choices, "features": without}
    pack = msgspec.structs.replace(HOUSE, version="2012.1", **changed)
    with servers.superuser() as admin:
        apply._publish(admin, pack)
        then = datetime(2012, 3, 1, 12, tzinfo=UTC)
        admin.execute(
            "UPDATE trust_policyversion SET published_at = %s WHERE digest = %s", [then, digest(pack)]
        )
        yield pack
        admin.execute("DELETE FROM trust_policyversion WHERE digest = %s", [digest(pack)])


def page(path):
    answer = people.visitor().get(path, follow=True)
    return answer.status_code, answer.content.decode()


@pytest.mark.promise("AC-23", part="an anycubic instance")
def test_every_version_is_listed_with_its_date(older):
    status, text = page("/privacy/versions/")
    assert status == 200
    for pack in (older, HOUSE):
        assert f"/privacy/versions/{digest(pack)}/" in text
    assert "2012-03-01T12:00:00Z" in text


@pytest.mark.promise("AC-23", part="an anycubic instance")
def test_a_version_is_whole_and_says_what_it_changed(older):
    status, text = page(f"/privacy/versions/{digest(older)}/")
    assert status == 200
    assert "Print and watch" in text
    assert "How much this Glassbed is used" not in text
    _, newer = page(f"/privacy/versions/{digest(HOUSE)}/")
    assert "What it changed against house 2012.1" in newer
    assert "more is done" in newer
    assert "activity statistics" in newer


@pytest.mark.promise("AC-23", part="an anycubic instance")
@pytest.mark.parametrize(
    ("day", "expected"),
    [("2012-03-01", "house 2012.1"), ("2019-12-31", "house 2012.1"), ("2999-01-01", HOUSE.version)],
)
def test_the_version_of_any_day_can_be_asked_for(older, day, expected):
    status, text = page(f"/privacy/versions/?on={day}")
    assert status == 200
    assert f"Policy {'house ' if ' ' not in expected else ''}{expected}" in text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("?on=2012-02-29", "No policy was in force here on that day yet."),
        ("?on=yesterday", "year-month-day"),
        ("0000/", ""),
    ],
)
def test_what_there_is_not_is_said(older, asked, said):
    status, text = page(f"/privacy/versions/{asked}")
    assert status == 404
    assert said in text
