import people
import pytest
from django.db import ProgrammingError
from instance import superuser

from glassbed.foundation.keys import create_data_key, data_key
from glassbed.foundation.models import DataKey
from glassbed.foundation.purpose import purpose
from glassbed.protocol.errors import NotFound

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


def test_everybody_has_a_key_of_their_own_that_stays():
    first, second = people.make_person(), people.make_person()
    keys = []
    for person in (first, first, second):
        with purpose("printing", person=person.pk):
            keys.append(data_key(person.pk))
    assert len(keys[0]) == 32
    assert keys[0] == keys[1] != keys[2]


def test_the_database_holds_the_key_wrapped_only():
    person = people.make_person()
    with purpose("printing", person=person.pk):
        key = data_key(person.pk)
        wrapped = bytes(DataKey.objects.get().wrapped)
    assert key not in wrapped
    assert len(wrapped) == 40


def test_a_damaged_key_is_refused_not_used():
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

    person = people.make_person()
    with superuser() as admin:
        admin.execute(
            "UPDATE foundation_datakey SET wrapped = set_byte(wrapped, 39, get_byte(wrapped, 39) # 1) WHERE person_id = %s",
            [person.pk],
        )
    with purpose("printing", person=person.pk), pytest.raises(InvalidUnwrap):
        data_key(person.pk)


def test_another_persons_key_is_not_found():
    mine, other = people.make_person(), people.make_person()
    with purpose("printing", person=mine.pk), pytest.raises(NotFound):
        data_key(other.pk)


def test_a_purpose_without_the_category_is_refused():
    person = people.make_person()
    with pytest.raises(ProgrammingError, match="permission denied"), purpose("account", person=person.pk):
        data_key(person.pk)


def test_nobody_gets_a_second_key():
    from django.db import IntegrityError

    person = people.make_person()
    with pytest.raises(IntegrityError), purpose("sign_in"):
        create_data_key(person.pk)
