import re
import time

import people
import pytest
from django.conf import settings

from glassbed.features.accounts import first_link
from glassbed.features.accounts.models import Person, Profile, Session
from glassbed.features.accounts.sessions import hashed
from glassbed.foundation.models import DataKey, Mail
from glassbed.foundation.purpose import purpose
from glassbed.protocol.ids import uuid7

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
PASSWORD = "correct horse battery"


@pytest.fixture
def operator(no_operator):
    return people.make_person(is_operator=True)


def new_address():
    return f"{uuid7().hex}@example.org"


def sign_up(browser, email):
    return browser.post("/accounts/signup/", {"email": email, "password1": PASSWORD})


def person_of(email):
    with purpose("sign_in"):
        return Person.objects.filter(emailaddress__email=email).first()


def code_sent_to(email):
    with purpose("mailing"):
        text = Mail.objects.filter(to=email).latest("created_at").text
    return re.search(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", text, re.MULTILINE)[1]


def test_nobody_signs_up_before_the_operator(no_operator):
    email = new_address()
    assert "closed" in sign_up(people.visitor(), email).content.decode().lower()
    assert person_of(email) is None


def test_the_first_link_makes_an_operator_once(no_operator):
    link = f"/welcome/{first_link.make(time.time())}/"
    browser, late, email = people.visitor(), people.visitor(), new_address()
    assert browser.get(link)["Location"] == "/accounts/signup/"
    assert late.get(link).status_code == 302
    assert sign_up(browser, email).status_code == 302
    made = person_of(email)
    assert made.is_operator
    with purpose("sign_in"):
        assert Profile.objects.filter(person=made.pk).exists()
    with purpose("printing", person=made.pk):
        assert DataKey.objects.filter(person=made.pk).exists()
    browser.post("/accounts/confirm-email/", {"code": code_sent_to(email)})
    other = new_address()
    sign_up(late, other)
    assert person_of(other) is None
    assert people.visitor().get(link).status_code == 404


def test_the_address_is_verified_by_a_code_before_anybody_is_signed_in(no_operator):
    browser, email = people.visitor(), new_address()
    browser.get(f"/welcome/{first_link.make(time.time())}/")
    sign_up(browser, email)
    assert browser.get("/files/").status_code == 302
    browser.post("/accounts/confirm-email/", {"code": "WRONG1"})
    assert browser.get("/files/").status_code == 302
    browser.post("/accounts/confirm-email/", {"code": code_sent_to(email)})
    assert browser.get("/files/").status_code == 200


@pytest.mark.parametrize("change", [lambda t: t[:-1] + "x", lambda t: "9" + t, lambda t: t.replace("-", "")])
def test_a_changed_first_link_is_worthless(no_operator, change):
    assert people.visitor().get(f"/welcome/{change(first_link.make(time.time()))}/").status_code == 404


def test_the_first_link_expires_after_a_day(no_operator):
    assert people.visitor().get(f"/welcome/{first_link.make(time.time() - 86_401)}/").status_code == 404
    assert people.visitor().get(f"/welcome/{first_link.make(time.time() - 86_000)}/").status_code == 302


def test_sign_up_is_closed_by_default(operator):
    email = new_address()
    sign_up(people.visitor(), email)
    assert person_of(email) is None


def test_sign_up_is_open_where_the_operator_says_so(operator, monkeypatch):
    import dataclasses

    monkeypatch.setattr(settings, "GLASSBED", dataclasses.replace(settings.GLASSBED, signup="open"))
    email = new_address()
    sign_up(people.visitor(), email)
    assert person_of(email).is_operator is False


def test_who_comes_by_an_invitation_may_sign_up(operator):
    _invitation, token = people.make_invitation(people.make_printer(operator))
    browser, email = people.visitor(), new_address()
    browser.get(f"/invitations/{token}/")
    sign_up(browser, email)
    assert person_of(email).is_operator is False


def test_a_link_that_is_no_invitation_opens_no_door(operator):
    browser, email = people.visitor(), new_address()
    assert browser.get("/invitations/guessed/").status_code == 404
    sign_up(browser, email)
    assert person_of(email) is None


def test_an_address_that_has_an_account_is_not_told_apart(operator, monkeypatch):
    import dataclasses

    monkeypatch.setattr(settings, "GLASSBED", dataclasses.replace(settings.GLASSBED, signup="open"))
    known = people.make_person()
    answers = [sign_up(people.visitor(), email) for email in (people.address(known), new_address())]
    assert answers[0].status_code == answers[1].status_code == 302
    assert answers[0]["Location"] == answers[1]["Location"]


def test_a_wrong_password_signs_nobody_in():
    person = people.make_person(password=PASSWORD)
    browser = people.visitor()
    browser.post("/accounts/login/", {"login": people.address(person), "password": "wrong"})
    assert browser.get("/files/").status_code == 302
    browser.post("/accounts/login/", {"login": people.address(person), "password": PASSWORD})
    assert browser.get("/files/").status_code == 200


def test_the_number_in_the_cookie_is_nowhere_in_the_database(servers):
    person = people.make_person()
    number = people.open_session(person)
    with purpose("sign_in"):
        row = Session.objects.get(person=person.pk)
    assert row.session_key == hashed(number) != number
    with servers.superuser() as admin:
        assert admin.execute(
            "SELECT count(*) FROM accounts_session WHERE to_jsonb(accounts_session)::text LIKE %s",
            [f"%{number}%"],
        ).fetchone() == (0,)


def test_an_ended_session_is_over_at_once_and_only_that_one():
    person = people.make_person()
    here, there = people.browser_of(person), people.browser_of(person)
    for browser in (here, there):
        assert browser.get("/settings/").status_code == 200
    with purpose("account", person=person.pk):
        number = there.cookies[settings.SESSION_COOKIE_NAME].value
        ended = Session.objects.get(session_key=hashed(number)).public_id
    assert here.post(f"/settings/sessions/{ended}/end/").status_code == 302
    assert there.get("/settings/").status_code == 302
    assert here.get("/settings/").status_code == 200


def test_nobody_ends_another_persons_session():
    person, other = people.make_person(), people.make_person()
    people.open_session(other)
    with purpose("account", person=other.pk):
        theirs = Session.objects.get().public_id
    assert people.browser_of(person).post(f"/settings/sessions/{theirs}/end/").status_code == 404


def test_signing_out_ends_the_session_in_the_database():
    person = people.make_person()
    browser = people.browser_of(person)
    browser.post("/accounts/logout/")
    with purpose("account", person=person.pk):
        assert Session.objects.count() == 0


def test_a_profile_is_kept_as_entered():
    person = people.make_person()
    form = {"display_name": "Anna", "language": "de", "time_zone": "Europe/Berlin", "units": "imperial"}
    assert people.browser_of(person).post("/settings/", form).status_code == 302
    with purpose("account", person=person.pk):
        row = Profile.objects.get()
    assert (row.display_name, row.language, row.time_zone, row.units) == tuple(form.values())


def test_a_mail_belongs_to_who_proved_its_address_and_to_nobody_before():
    proven, unproven = people.make_person(), people.make_person()
    with purpose("sign_in"):
        unproven.emailaddress_set.update(verified=False)
    for person in (proven, unproven):
        email = people.address(person).upper()
        assert people.visitor().post("/accounts/password/reset/", {"email": email}).status_code == 302
    with purpose("mailing"):
        assert Mail.objects.get(to=people.address(proven)).person_id == proven.pk
        assert not Mail.objects.filter(person=unproven.pk).exists()
    with purpose("own_data", person=proven.pk):
        assert Mail.objects.get().to == people.address(proven)
