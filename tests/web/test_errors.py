"""What a browser or a program gets when something is not as it should be: a sentence, never a 500."""

import time
from uuid import uuid4

import people
import pytest
from django.urls import reverse

from glassbed.features.accounts import first_link

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def person():
    return people.make_person()


@pytest.fixture
def browser(person):
    return people.browser_of(person)


def test_what_is_not_there_is_a_page_that_says_so(browser):
    response = browser.get(f"/printers/{uuid4()}/")
    assert response.status_code == 404
    assert "There is nothing here that you may see" in response.content.decode()
    assert browser.get("/nowhere/").status_code == 404


def test_a_program_gets_the_sentence_as_json(browser):
    response = browser.get(f"/printers/{uuid4()}/", headers={"Accept": "application/json"})
    assert response.status_code == 404
    assert response.json()["error"].startswith("There is nothing here")


def test_htmx_gets_a_part_of_a_page(browser):
    response = browser.get(f"/printers/{uuid4()}/", headers={"HX-Request": "true"})
    assert response.status_code == 404
    assert "<html" not in response.content.decode()


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back():
    visitor = people.visitor()
    response = visitor.get("/files/?page=2")
    assert response["Location"] == "/accounts/login/?next=/files/%3Fpage%3D2"
    assert visitor.get("/files/", headers={"Accept": "application/json"}).status_code == 401
    partial = visitor.get("/files/", headers={"HX-Request": "true"})
    assert (partial.status_code, partial["HX-Redirect"]) == (204, "/accounts/login/")


def test_a_form_from_another_site_is_refused_in_words(person):
    browser = people.browser_of(person)
    browser.handler.enforce_csrf_checks = True
    response = browser.post("/settings/", {})
    assert response.status_code == 403
    assert "This form was not sent from this site" in response.content.decode()


def test_an_error_of_ours_is_a_page_without_a_trace(browser, monkeypatch):
    from glassbed.features.library import queries

    def fail():
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(queries, "files", fail)
    browser.raise_request_exception = False
    response = browser.get("/files/")
    assert response.status_code == 500
    assert "secret" not in response.content.decode()
    assert browser.get("/files/", headers={"Accept": "application/json"}).status_code == 500


def test_only_files_that_a_page_asks_for_are_taken(browser):
    import io

    browser.raise_request_exception = False
    response = browser.post("/settings/", {"file": io.BytesIO(b"x" * 100)})
    assert response.status_code < 500


# -- strange values: refused, never a 500 ----------------------------------------------------------------------

STRANGE_ADDRESSES = [
    "/welcome/99999999999-é/",
    f"/welcome/{'9' * 5000}-x/",
    "/welcome/-/",
    "/invitations/%00/",
    "/invitations/é/",
    "/history/?printer=x",
    "/history/?page=x",
    "/files/?page=-1",
    "/printers/add/?bridge=x&driver=x&address=%00&name=%00",
    "/bridges/pair/?code=%00",
    "/bridges/pair/?code=ABCD-EFGH%27",
]


@pytest.mark.parametrize("path", STRANGE_ADDRESSES, ids=range(len(STRANGE_ADDRESSES)))
def test_a_strange_address_is_no_error_of_ours(browser, path):
    for client in (browser, people.visitor()):
        assert client.get(path).status_code < 500


def strange_forms(printer, waiting):
    bound = {"driver": "octoprint", "name": "x"}
    return [
        ("printer_add", [], {**bound, "address": "http://["}),
        ("printer_add", [], {**bound, "address": "http://x:99999"}),
        ("printer_add", [], {**bound, "address": "\0", "bridge": "x"}),
        ("printer_edit", [printer], {"name": "\0"}),
        ("printer_invite", [printer], {"level": "3"}),
        ("printer_invite", [printer], {"level": "x"}),
        ("print_move", [waiting], {"before": "x"}),
        ("print_move", [waiting], {"before": str(uuid4())}),
        ("queue_add", [printer], {"file": "x"}),
        ("queue_add", [printer], {"file": "\0"}),
        ("pair", [], {"code": "\0"}),
        ("settings", [], {"time_zone": "x", "language": "x", "units": "x", "display_name": "\0"}),
        ("account_login", [], {"login": "\0", "password": "\0"}),
        ("account_signup", [], {"email": "\0", "password1": "\0"}),
        ("file_upload", [], {"file": "not a file"}),
    ]


@pytest.mark.parametrize("number", range(len(strange_forms("", ""))))
def test_a_strange_form_is_no_error_of_ours(person, browser, number):
    printer = people.make_printer(person)
    waiting = people.make_print(printer, person)
    name, path, form = strange_forms(printer.pk, waiting.pk)[number]
    assert browser.post(reverse(name, args=path), form).status_code < 500


STRANGE_BODIES = [
    ("bridge_ask", {"public_key": "A" * 43, "name": "\0", "version": "\0", "platform": "\0"}),
    ("bridge_ask", {"public_key": "é", "name": "x", "version": "1", "platform": ""}),
    ("bridge_ask", {"public_key": "A" * 43, "name": "x", "version": "1", "platform": "", "local_token": "é"}),
    ("bridge_ticket", {"bridge_id": str(uuid4()), "at": 10**400, "nonce": "x", "signature": "x"}),
    ("bridge_ticket", {"bridge_id": str(uuid4()), "at": 1, "nonce": "\0", "signature": "é"}),
    ("live_ticket", {"printers": ["x"]}),
    ("live_ticket", []),
]


@pytest.mark.parametrize(("name", "body"), STRANGE_BODIES, ids=range(len(STRANGE_BODIES)))
def test_a_strange_body_is_no_error_of_ours(browser, name, body):
    response = browser.post(reverse(name), body, content_type="application/json")
    assert response.status_code < 500


def test_a_body_that_is_too_large_is_refused(browser):
    response = browser.post("/bridge/pair", b"[" * 20_000, content_type="application/json")
    assert response.status_code == 422


def test_the_first_link_of_strange_digits_is_refused():
    assert not first_link.is_valid("٣" * 20 + "-x", time.time())
