"""A pack is tried on the live database before it applies: who is asked again, what is granted, what stops, what is due."""

import household
import msgspec
import pytest
from django.conf import settings

from glassbed.foundation import what_if
from glassbed.foundation.bindings import bindings
from glassbed.policy.pack import find, load
from glassbed.policy.vocabulary import Use

pytestmark = pytest.mark.integration

HOUSE = load(find("house"))


@pytest.fixture(scope="module")
def deploy(servers):
    with servers.clone() as name, servers.superuser(name) as connection:
        household.settle(connection)
        yield connection


def changed(section, key, **fields):
    entries = getattr(HOUSE, section)
    entry = msgspec.structs.replace(entries[key], **fields)
    return msgspec.structs.replace(HOUSE, **{section: {**entries, key: entry}})


def tried(deploy, new):
    return what_if.report(deploy, HOUSE, new, bindings(), settings.GLASSBED_ROLES)


def test_the_same_pack_changes_nothing(deploy):
    assert tried(deploy, HOUSE) == {
        "Changes": [],
        "People to ask again": [],
        "Grants": [],
        "Features that stop": [],
        "Rows that fall due": [],
    }


@pytest.mark.promise("GB-07")
def test_a_wider_consent_names_how_many_agreed_and_what_is_granted(deploy):
    wider = {**HOUSE.activities["news"].categories, "print": Use(origin=("observed",))}
    said = tried(deploy, changed("activities", "news", categories=wider))
    assert any(line.startswith("widens: ") for line in said["Changes"])
    assert said["People to ask again"] == ["news: 3 who agreed, and everybody else when they are asked"]
    role = settings.GLASSBED_ROLES.activity("news")
    assert said["Grants"] == [f"{role} gets SELECT on jobs_print", f"{role} gets SELECT on traces_chunk"]


@pytest.mark.promise("GB-07")
def test_what_no_activity_allows_any_more_stops_its_features(deploy):
    said = tried(deploy, changed("activities", "history", purposes=()))
    assert said["Features that stop"] == [
        f"{key} ({HOUSE.features[key].title}): nothing allows recording"
        for key in ("printers", "jobs", "traces")
    ]
    off = tried(deploy, changed("features", "traces", on=False))
    assert off["Features that stop"] == ["traces (Temperatures): the pack does not have it"]


@pytest.mark.promise("GB-07")
def test_a_shorter_period_says_how_many_rows_fall_due(deploy):
    deploy.execute("UPDATE foundation_mail SET created_at = now() - interval '5 days'")
    said = tried(deploy, changed("retention", "mail", days=3))
    (count,) = deploy.execute("SELECT count(*) FROM foundation_mail").fetchone()
    assert said["Rows that fall due"] == [f"foundation_mail: {count} older than 3 days (mail)"]
    assert tried(deploy, changed("retention", "mail", days=6))["Rows that fall due"] == []
