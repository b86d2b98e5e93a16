"""Files are removed only by a database that is seen whole and is the one they belong to."""

import os
import time
from contextlib import contextmanager

import instance
import people
import pytest
from django.conf import settings
from django.db import connections

from glassbed.features.library.upload import store
from glassbed.foundation import purpose as purposes
from glassbed.web import tidying

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    """Blobs of this test alone."""
    monkeypatch.setattr(settings, "HOME", tmp_path)


@pytest.fixture
def person():
    return people.make_person()


@pytest.fixture
def file(person):
    """A file that was stored long ago."""
    made = people.make_file(person)
    make_old(made.pk, tidying.ORPHAN_AGE_S)
    return made


def path_of(blob):
    return next((path for path in (settings.HOME / "blobs").rglob(blob.hex) if path.is_file()), None)


def make_old(blob, age_s):
    then = time.time() - age_s - 60
    os.utime(path_of(blob), (then, then))


def sweep():
    with instance.surface("worker"):
        return tidying.sweep_blobs()


@contextmanager
def without_its_row(file):
    """As after a restore of an older database."""
    with instance.superuser() as admin:
        columns = admin.execute("SELECT * FROM library_file WHERE id = %s", [file.pk]).fetchone()
        admin.execute("DELETE FROM library_file WHERE id = %s", [file.pk])
        yield
        places = ", ".join(["%s"] * len(columns))
        admin.execute(f"INSERT INTO library_file VALUES ({places})", columns)


@pytest.fixture
def empty_database():
    """What `prepare` makes of a new cluster: the same roles, nobody's rows, and migrations of another time."""
    with instance.clone() as name:
        with instance.superuser(name) as admin:
            admin.execute("UPDATE django_migrations SET applied = now()")
        yield name


def test_an_empty_database_does_not_remove_the_files_of_another(file, empty_database):
    assert sweep() == 0
    with instance.surface("worker"):
        connections["default"].settings_dict["NAME"] = empty_database
        with pytest.raises(tidying.OtherDatabase):
            tidying.sweep_blobs()
    assert file.pk in store().stored(older_than_s=0)


def test_a_folder_that_was_never_swept_is_not_taken_over_by_a_database_that_names_none_of_it(file):
    with without_its_row(file):
        with pytest.raises(tidying.OtherDatabase):
            sweep()
        assert file.pk in store().stored(older_than_s=0)
    assert sweep() == 0


def test_a_context_that_does_not_hold_removes_nothing(file, monkeypatch):
    """As with a clock that runs apart from the database's."""
    assert sweep() == 0
    monkeypatch.setattr(purposes, "LIFETIME_S", -1)
    with pytest.raises(tidying.NotAllRowsSeen):
        sweep()
    assert file.pk in store().stored(older_than_s=0)


def test_who_stopped_the_tidying_keeps_their_files(file, person):
    assert sweep() == 0
    with instance.superuser() as admin:
        admin.execute("UPDATE sec.person_state SET stopped = -1 WHERE person = %s", [person.pk])
        with pytest.raises(tidying.NotAllRowsSeen):
            sweep()
        admin.execute("UPDATE sec.person_state SET stopped = 0 WHERE person = %s", [person.pk])
    assert file.pk in store().stored(older_than_s=0)


def test_what_no_row_names_lies_aside_and_comes_back_with_its_row(file):
    sweep()
    with without_its_row(file):
        assert sweep() == 1
        assert file.pk not in store().stored(older_than_s=0)
    assert sweep() == 1
    assert file.pk in store().stored(older_than_s=0)


def test_what_lay_aside_for_a_week_is_gone(file):
    sweep()
    with without_its_row(file):
        sweep()
        make_old(file.pk, tidying.ASIDE_S - 120)
        assert sweep() == 0
        assert path_of(file.pk)
        make_old(file.pk, tidying.ASIDE_S)
        assert sweep() == 1
        assert path_of(file.pk) is None
