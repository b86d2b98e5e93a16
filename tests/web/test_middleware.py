import dataclasses
import re
import time
from datetime import UTC, datetime, timedelta

import people
import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from glassbed.features.accounts.models import Profile, Session
from glassbed.features.accounts.sessions import hashed
from glassbed.features.jobs.models import Print
from glassbed.foundation.purpose import purpose

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def taken(monkeypatch):
    """The purposes that are opened, in their order."""
    found = []
    from glassbed.foundation import purpose as module

    opened = module._opened

    def listen(name, role, person):
        found.append((name, person))
        return opened(name, role, person)

    monkeypatch.setattr(module, "_opened", listen)
    return found


def test_a_request_is_the_session_then_the_view(taken):
    person = people.make_person()
    browser = people.browser_of(person)
    browser.get("/files/")  # notes when the session was used
    taken.clear()
    assert browser.get("/files/").status_code == 200
    assert taken == [("sign_in", None), ("printing", person.pk)]


def test_a_changed_session_is_written_after_the_view(taken):
    person = people.make_person()
    browser = people.browser_of(person)
    taken.clear()
    browser.get("/files/")
    assert [name for name, _ in taken] == ["sign_in", "printing", "sign_in"]


def test_the_page_of_a_visitor_without_a_cookie_opens_no_session():
    with purpose("sign_in"):
        before = Session.objects.count()
    response = people.visitor().get("/privacy/")
    assert settings.SESSION_COOKIE_NAME not in response.cookies
    with purpose("sign_in"):
        assert Session.objects.count() == before


def test_a_session_that_does_not_exist_is_nobodys():
    browser = people.visitor()
    browser.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
    assert browser.get("/files/").status_code == 302


def test_a_session_is_touched_once_an_hour():
    person = people.make_person()
    number = people.open_session(person)
    browser = people.visitor()
    browser.cookies[settings.SESSION_COOKIE_NAME] = number
    browser.get("/files/")
    with purpose("sign_in"):
        Session.objects.filter(session_key=hashed(number)).update(
            last_used_at=timezone.now() - timedelta(days=1)
        )
    browser.get("/files/")
    with purpose("sign_in"):
        row = Session.objects.get(session_key=hashed(number))
    assert row.last_used_at < timezone.now() - timedelta(hours=23)
    assert row.browser == "Firefox · Linux"


def test_no_transaction_stays_open_after_a_page():
    people.browser_of(people.make_person()).get("/files/")
    assert not connections["default"].in_atomic_block


def test_a_page_speaks_the_language_that_the_person_chose():
    person = people.make_person()
    browser = people.browser_of(person)
    assert browser.get("/privacy/")["Content-Language"] == "en"
    with purpose("account", person=person.pk):
        Profile.objects.filter(person=person.pk).update(language="de", time_zone="Europe/Berlin")
    assert browser.get("/privacy/")["Content-Language"] == "de"
    assert people.visitor().get("/privacy/", headers={"Accept-Language": "de"})["Content-Language"] == "de"


def test_pages_are_private_and_strict():
    response = people.visitor().get("/privacy/")
    assert response["Cache-Control"] == "no-store"
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "camera=()" in response["Permissions-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_cookie_of_a_session_can_not_be_read_by_scripts():
    person = people.make_person(password="correct horse battery")
    browser = people.visitor()
    started = time.time()
    response = browser.post(
        "/accounts/login/", {"login": people.address(person), "password": "correct horse battery"}
    )
    assert response.status_code == 302
    cookie = response.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 30 * 86_400
    with purpose("sign_in"):
        row = Session.objects.get(session_key=hashed(cookie.value))
    assert row.person_id == person.pk
    assert row.expire_date.timestamp() >= started + 30 * 86_400 - 1
    assert cookie.value not in row.session_data


# -- behind a proxy, with another zone, against the policy ---------------------------------------------------------


@pytest.fixture
def over_https(monkeypatch):
    """As behind a proxy that speaks TLS, under a public name."""
    public = dataclasses.replace(settings.GLASSBED, public_url="https://prints.example", trusted_proxy=1)
    monkeypatch.setattr(settings, "GLASSBED", public)
    monkeypatch.setattr(settings, "SECURE", True)
    monkeypatch.setattr(settings, "SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https"))


def test_plain_http_from_elsewhere_is_sent_to_https(over_https):
    visitor = people.visitor()
    for elsewhere in ({"REMOTE_ADDR": "203.0.113.7"}, {"headers": {"X-Forwarded-Proto": "http"}}):
        response = visitor.get("/privacy/?a=b", **elsewhere)
        assert (response.status_code, response["Location"]) == (301, "https://prints.example/privacy/?a=b")


def test_what_came_by_https_or_from_this_machine_is_served(over_https):
    visitor = people.visitor()
    assert visitor.get("/privacy/", headers={"X-Forwarded-Proto": "https"}).status_code == 200
    assert visitor.get("/privacy/").status_code == 200  # the health probe, the bridge of this machine


def test_without_https_nobody_is_sent_there():
    assert people.visitor().get("/privacy/", REMOTE_ADDR="203.0.113.7").status_code == 200


def test_a_page_shows_the_time_where_the_person_is():
    person = people.make_person()
    people.make_print(people.make_printer(person), person, None, "completed")
    with purpose("printing", person=person.pk):
        Print.objects.update(created_at=datetime(2026, 1, 5, 23, 30, tzinfo=UTC))
    browser = people.browser_of(person)
    for zone, shown in (("", "01/05/2026 11:30 p.m."), ("Asia/Tokyo", "01/06/2026 8:30 a.m.")):
        with purpose("account", person=person.pk):
            Profile.objects.filter(person=person.pk).update(time_zone=zone)
        assert re.findall(r">(\d\d/[^<]*m\.)<", browser.get("/history/").content.decode()) == [shown]


def test_what_the_database_refuses_is_told_and_logged_without_a_value(monkeypatch, caplog):
    """A view that reads what its purpose may not: the policy says no, whatever the code believes."""
    from glassbed.features.library import queries
    from glassbed.foundation.models import Mail

    monkeypatch.setattr(queries, "files", lambda: Mail.objects.order_by("created_at"))
    response = people.browser_of(people.make_person()).get("/files/")
    assert response.status_code == 403
    assert "The privacy policy does not allow this" in response.content.decode()
    (line,) = [record for record in caplog.records if record.getMessage() == "policy_refused"]
    assert line.levelname == "WARNING"
    assert line.glassbed == {"route": "files", "purpose": "printing", "table": "foundation_mail"}


def test_another_mistake_in_sql_is_no_matter_of_policy(monkeypatch):
    from django.db import ProgrammingError
    from django.db.models.expressions import RawSQL

    from glassbed.features.library import queries
    from glassbed.features.library.models import File

    monkeypatch.setattr(queries, "files", lambda: File.objects.order_by(RawSQL("no_such_column", [])))
    person = people.make_person()
    people.make_file(person)
    with pytest.raises(ProgrammingError, match="no_such_column"):
        people.browser_of(person).get("/files/")
