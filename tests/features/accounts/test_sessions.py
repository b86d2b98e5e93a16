"""Sessions end when their time is over, and whatever they watch is told at once."""

from datetime import timedelta

import people
import pytest
from django.conf import settings
from django.utils import timezone
from features.on_the_bus import Overhearing

from glassbed.features.accounts.models import Session
from glassbed.features.accounts.sessions import SessionStore, hashed
from glassbed.foundation.purpose import purpose
from glassbed.protocol import subjects

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
PASSWORD, NEW_PASSWORD = "correct horse battery", "staple under glass 9"


def session_of(browser):
    number = browser.cookies[settings.SESSION_COOKIE_NAME].value
    with purpose("sign_in"):
        return Session.objects.get(session_key=hashed(number))


def exists(session):
    with purpose("sign_in"):
        return Session.objects.filter(pk=session.pk).exists()


def expire(session):
    with purpose("sign_in"):
        Session.objects.filter(pk=session.pk).update(expire_date=timezone.now() - timedelta(seconds=1))


def test_a_session_whose_time_is_over_is_nobodys():
    browser = people.browser_of(people.make_person())
    assert browser.get("/files/").status_code == 200
    expire(session_of(browser))
    assert browser.get("/files/").status_code == 302


def test_sessions_whose_time_is_over_are_cleared_and_no_others():
    person = people.make_person()
    old, present = session_of(people.browser_of(person)), session_of(people.browser_of(person))
    expire(old)
    with purpose("sign_in"):
        SessionStore.clear_expired()
    assert (exists(old), exists(present)) == (False, True)


def test_django_opens_our_sessions_from_their_row():
    assert Session.get_session_store_class() is SessionStore


def test_signing_out_is_told_to_whatever_the_session_watches():
    browser = people.browser_of(people.make_person())
    session = session_of(browser)
    with Overhearing(subjects.EVERY_SESSION) as heard:
        browser.post("/accounts/logout/")
    assert subjects.session(str(session.public_id)) in heard.named
    assert not exists(session)


def test_an_ended_session_is_told_to_whatever_it_watches():
    person = people.make_person()
    here, there = people.browser_of(person), session_of(people.browser_of(person))
    with Overhearing(subjects.EVERY_SESSION) as heard:
        here.post(f"/settings/sessions/{there.public_id}/end/")
    assert heard.named == [subjects.session(str(there.public_id))]


def test_a_session_of_nobody_ends_without_a_word():
    with Overhearing(subjects.EVERY_SESSION) as heard, purpose("sign_in"):
        SessionStore("x" * 32).delete()
        SessionStore().delete()
    assert heard.named == []


def test_a_new_password_ends_what_other_sessions_watch():
    person = people.make_person(password=PASSWORD)
    browser = people.visitor()
    browser.post("/accounts/login/", {"login": people.address(person), "password": PASSWORD})
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    other = people.browser_of(person)
    assert other.get("/files/").status_code == 200
    with Overhearing(subjects.EVERY_PERSON) as heard:
        assert browser.post("/accounts/password/change/", form).status_code == 302
    assert heard.named == [subjects.person(str(person.pk))]
    assert other.get("/files/").status_code == 302
    assert browser.get("/files/").status_code == 200


def test_the_settings_tell_the_present_session_from_the_others():
    person = people.make_person()
    here, there = people.browser_of(person), people.browser_of(person)
    page = here.get("/settings/").content.decode()
    assert f"/settings/sessions/{session_of(there).public_id}/end/" in page
    assert f"/settings/sessions/{session_of(here).public_id}/end/" not in page
    assert page.count("This one") == 1
