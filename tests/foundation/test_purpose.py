import people
import pytest
from django.db import ProgrammingError, connections
from django.http import HttpResponse
from django.test import RequestFactory

from glassbed.features.accounts.models import Person, Profile
from glassbed.foundation import purpose as purposes
from glassbed.foundation.models import LedgerEntry
from glassbed.foundation.purpose import (
    PurposeMissing,
    PurposeNested,
    after_commit,
    current,
    declared_purpose,
    for_purpose,
    purpose,
    run_view,
    technical,
)
from glassbed.protocol.ids import uuid7

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


def role():
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT current_setting('role'), current_setting('glassbed.ctx', true)")
        return cursor.fetchone()


def test_a_query_without_a_purpose_is_refused_early_and_in_words():
    with pytest.raises(PurposeMissing, match="A query runs without a purpose"):
        Person.objects.count()


def test_a_queryset_that_left_its_block_is_refused():
    with purpose("sign_in"):
        rows = Person.objects.all()
    with pytest.raises(PurposeMissing):
        list(rows)


@pytest.mark.parametrize("outer", [lambda: purpose("sign_in"), technical])
@pytest.mark.parametrize("inner", [lambda: purpose("account", person=uuid7()), technical])
def test_no_purpose_opens_inside_another(outer, inner):
    with outer(), pytest.raises(PurposeNested), inner():
        pass
    assert current() is None


def test_a_purpose_that_the_pack_does_not_have_is_refused():
    with pytest.raises(KeyError, match="no purpose 'snooping'"), purpose("snooping"):
        pass


def test_a_purpose_of_another_process_is_refused_by_postgresql():
    with pytest.raises(ProgrammingError, match="permission denied to set role"), purpose("recording"):
        pass
    assert current() is None


def test_role_and_context_end_with_the_block():
    with purpose("sign_in"):
        assert role()[0].endswith("_p_sign_in")
    connection = connections["default"]
    connection.ensure_connection()
    with connection.connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role'), current_setting('glassbed.ctx', true)")
        assert cursor.fetchone() == ("none", "")


def test_role_and_context_end_with_a_block_that_fails():
    with pytest.raises(ZeroDivisionError), purpose("sign_in"):
        1 / 0  # noqa: B018 -- it fails
    assert current() is None
    with purpose("account", person=uuid7()):
        assert role()[0].endswith("_p_account")


def test_what_a_failing_block_wrote_is_undone():
    person = people.make_person()
    with pytest.raises(ZeroDivisionError), purpose("account", person=person.pk):
        Profile.objects.filter(person=person.pk).update(display_name="half done")
        raise ZeroDivisionError
    with purpose("account", person=person.pk):
        assert Profile.objects.get(person=person.pk).display_name == ""


def test_a_purpose_shows_its_person_and_no_other():
    first, second = people.make_person(), people.make_person()
    with purpose("account", person=first.pk):
        assert list(Person.objects.all()) == [first]
    with purpose("account", person=second.pk):
        assert list(Person.objects.all()) == [second]


def test_work_for_nobody_under_a_purpose_of_persons_shows_nothing():
    people.make_person()
    with purpose("account"):
        assert list(Person.objects.all()) == []


def test_technical_opens_tables_without_personal_data_and_no_others():
    with technical():
        assert LedgerEntry.objects.count() >= 0
    with pytest.raises(ProgrammingError, match="permission denied"), technical():
        Person.objects.count()


def test_what_follows_runs_after_the_commit_outside_of_the_purpose_and_in_order():
    told = []
    with purpose("sign_in"):
        after_commit(lambda: told.append(("first", current())))
        after_commit(lambda: told.append(("second", current())))
        assert told == []
    assert told == [("first", None), ("second", None)]


def test_what_follows_may_open_a_purpose_of_its_own():
    told = []

    def follow():
        with purpose("sign_in"):
            told.append(current())

    with purpose("sign_in"):
        after_commit(follow)
    assert told == ["sign_in"]


def test_nothing_follows_a_rollback():
    told = []
    with pytest.raises(ZeroDivisionError), purpose("sign_in"):
        after_commit(lambda: told.append("never"))
        raise ZeroDivisionError
    assert told == []


def test_nothing_follows_outside_of_a_purpose():
    with pytest.raises(PurposeMissing):
        after_commit(lambda: None)


def test_the_context_is_signed_for_two_minutes_and_this_backend(monkeypatch):
    text = purposes.sign("a_role", None, 7)
    role_name, person, expiry, pid, mac = text.split("|")
    assert (role_name, person, pid, len(mac)) == ("a_role", "-", "7", 64)
    assert 0 < int(expiry) - purposes.time.time() <= purposes.LIFETIME_S


# -- views ---------------------------------------------------------------------------------------------


def asked(person):
    request = RequestFactory().get("/")
    request.user = person
    return request


def test_a_view_without_a_purpose_is_refused():
    with pytest.raises(PurposeMissing, match="declares no purpose"):
        run_view(asked(people.make_person()), lambda request: HttpResponse(), (), {})


@pytest.mark.parametrize(
    ("name", "opens", "seen"),
    [
        ("account", True, "account"),
        ("account", False, None),
        ("no_data", True, None),
        ("technical", True, "technical"),
    ],
)
def test_a_view_runs_in_what_it_declares(name, opens, seen):
    @for_purpose(name, opens=opens)
    def view(request):
        return HttpResponse(str(current()))

    assert declared_purpose(view) == name
    assert run_view(asked(people.make_person()), view, (), {}).content.decode() == str(seen)


def test_a_response_is_rendered_inside_of_the_purpose():
    class Late(HttpResponse):
        def render(self):
            return HttpResponse(str(current()))

    view = for_purpose("account")(lambda request: Late())
    assert run_view(asked(people.make_person()), view, (), {}).content == b"account"


def test_a_view_of_others_has_the_purpose_of_its_module():
    from allauth.account.views import login
    from django.views.i18n import set_language

    assert (declared_purpose(login), declared_purpose(set_language)) == ("sign_in", "no_data")

    def view(request):
        return None

    view.__module__ = "allauth.accountant"
    assert declared_purpose(view) is None
