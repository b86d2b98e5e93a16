"""What a person is to Django, and what comes into being with the operator."""

import dataclasses
import time

import people
import pytest
from django.conf import settings

from glassbed.features.accounts import first_link
from glassbed.features.accounts.models import INVITED_S, Person, Profile
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose
from glassbed.protocol.errors import Conflict
from glassbed.protocol.ids import uuid7

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
PASSWORD = "correct horse battery"


@pytest.fixture
def signup_is_open(monkeypatch):
    monkeypatch.setattr(settings, "GLASSBED", dataclasses.replace(settings.GLASSBED, signup="open"))


def sign_up(browser):
    email = f"{uuid7().hex}@example.org"
    assert browser.post("/accounts/signup/", {"email": email, "password1": PASSWORD}).status_code == 302
    return email


def test_a_person_that_a_program_makes_can_not_sign_in_by_a_password():
    with purpose("sign_in"):
        made = Person.objects.create_user(is_operator=False)
    assert not made.has_usable_password()
    assert (made.is_active, made.is_operator) == (True, False)
    with purpose("sign_in"):
        assert Person.objects.get(pk=made.pk).handle == made.handle


def test_nobody_has_a_permission_of_djangos_not_even_the_operator(no_operator):
    operator = people.make_person(is_operator=True)
    assert not operator.has_perm("accounts.delete_person")
    assert not operator.has_module_perms("accounts")


def test_people_are_named_by_what_they_show_and_by_nothing_else():
    person = people.make_person(name="Anna")
    assert str(person) == person.handle
    assert str(Profile(display_name="Anna")) == "Anna"
    assert str(Profile()) == "Someone without a name"


def test_a_mail_belongs_to_its_person_and_says_who_writes(no_operator, signup_is_open):
    people.make_person(is_operator=True)
    email = sign_up(people.visitor())
    with purpose("mailing"):
        mail = Mail.objects.filter(to=email).get()
    with purpose("sign_in"):
        assert Person.objects.get(emailaddress__email=email).pk == mail.person_id
    assert mail.subject.startswith("Glassbed: ")


def test_the_founder_alone_may_read_the_code_that_proves_their_address(no_operator, monkeypatch):
    reachable = dataclasses.replace(settings.GLASSBED, public_url="https://prints.example")
    monkeypatch.setattr(settings, "GLASSBED", reachable)  # so that sitting at the machine opens nothing
    browser = people.visitor()
    browser.get(f"/welcome/{first_link.make(time.time())}/")
    assert browser.get("/outbox/").status_code == 403
    email = sign_up(browser)
    assert email in browser.get("/outbox/").content.decode()
    assert people.visitor().get("/outbox/").status_code == 403
    an_hour_later = time.time() + first_link.FOUNDER_S
    monkeypatch.setattr(time, "time", lambda: an_hour_later)
    assert browser.get("/outbox/").status_code == 403


def test_who_was_slower_with_the_first_link_is_told_and_becomes_nobody(no_operator):
    """Both came by the link before either signed up: the place is taken under a lock, and looked at again there."""
    with purpose("sign_in"):
        first_link.claim()
    people.make_person(is_operator=True)
    with pytest.raises(Conflict, match="was used a moment ago"), purpose("sign_in"):
        first_link.claim()


def test_an_invitation_opens_sign_up_for_an_hour(no_operator, monkeypatch):
    operator = people.make_person(is_operator=True)
    _invitation, token = people.make_invitation(people.make_printer(operator))
    browser = people.visitor()
    browser.get(f"/invitations/{token}/")
    assert "closed" not in browser.get("/accounts/signup/").content.decode().lower()
    an_hour_later = time.time() + INVITED_S + 1
    monkeypatch.setattr(time, "time", lambda: an_hour_later)
    assert "closed" in browser.get("/accounts/signup/").content.decode().lower()
