"""What has reached the end of its period goes; what has not, stays."""

import os
import time
from datetime import timedelta

import people
import pytest
from django.conf import settings
from django.utils import timezone
from instance import surface

from glassbed.features.accounts.models import Session
from glassbed.features.accounts.sessions import hashed
from glassbed.features.library.upload import store
from glassbed.features.printers.models import Bridge, Invitation, Pairing
from glassbed.foundation.blobs import blob_key
from glassbed.foundation.purpose import purpose
from glassbed.protocol.ids import uuid7
from glassbed.web import tidying

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def person():
    return people.make_person()


def tidy():
    with surface("worker"):
        return tidying.tidy()


def sweep():
    with surface("worker"):
        return tidying.sweep_blobs()


def left(name, model, *rows):
    with purpose(name):
        return [row for row in rows if model.objects.filter(pk=row.pk).exists()]


def test_a_session_leaves_at_its_end(person):
    number, open_ = people.open_session(person), people.open_session(person)
    with purpose("sign_in"):
        old, present = (Session.objects.get(session_key=hashed(key)) for key in (number, open_))
        Session.objects.filter(pk=old.pk).update(expire_date=timezone.now())
    assert tidy() >= 1
    assert left("sign_in", Session, old, present) == [present]


def test_an_invitation_leaves_at_its_end_and_not_before(person):
    printer = people.make_printer(person)
    (old, _), (present, _) = people.make_invitation(printer), people.make_invitation(printer)
    with purpose("printing", person=person.pk):
        Invitation.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    assert tidy() >= 1
    with purpose("printing", person=person.pk):
        assert list(Invitation.objects.values_list("pk", flat=True)) == [present.pk]


def make_pairing(**fields):
    with purpose("pairing"):
        row = {"code": uuid7().hex[-9:], "public_key": b"k" * 32, "name": "Cellar", "version": "1"}
        return Pairing.objects.create(**row, **fields)


def test_a_code_is_kept_for_its_period_after_it_ran_out():
    period = timedelta(days=settings.GLASSBED_PACK.retention["pairing"].days)
    minute = timedelta(minutes=1)
    old, present = (
        make_pairing(expires_at=timezone.now() - period - minute),
        make_pairing(expires_at=timezone.now() - period + minute),
    )
    assert tidy() >= 1
    assert left("pairing", Pairing, old, present) == [present]


def test_a_revoked_bridge_leaves_with_its_code_once_it_has_no_printer(person):
    empty, used, working = (people.make_bridge(person).bridge for _ in range(3))
    people.make_printer(person, used)
    code = make_pairing(expires_at=timezone.now() + timedelta(days=1), bridge=empty)
    kept_code = make_pairing(expires_at=timezone.now() + timedelta(days=1), bridge=working)
    with purpose("printing", person=person.pk):
        Bridge.objects.filter(pk__in=[empty.pk, used.pk]).update(revoked_at=timezone.now())
    assert tidy() >= 2
    assert left("pairing", Pairing, code, kept_code) == [kept_code]
    with purpose("printing", person=person.pk):
        assert set(Bridge.objects.values_list("pk", flat=True)) == {used.pk, working.pk}


def path_of(blob):
    return next(path for path in (settings.HOME / "blobs").rglob(blob.hex) if path.is_file())


def made_old(*blobs):
    long_ago = time.time() - tidying.ORPHAN_AGE_S - 60
    for blob in blobs:
        os.utime(path_of(blob), (long_ago, long_ago))


def write_blob():
    blob = uuid7()
    with store().write(blob, blob_key(b"k" * 32, blob)) as writer:
        writer.write(b"left by a crash")
    return blob


def test_a_blob_that_no_row_names_is_swept_after_a_day(person):
    file = people.make_file(person, picture=b"webp")
    plain = people.make_file(person)
    orphan, young = write_blob(), write_blob()
    made_old(file.pk, file.thumbnail, plain.pk, orphan)
    assert sweep() == 1
    present = store().stored(older_than_s=-60)
    assert {file.pk, file.thumbnail, plain.pk, young} <= present
    assert orphan not in present
