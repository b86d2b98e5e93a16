"""The operator's place stays free until somebody who came by the link proved an address."""

import re
import time

import people
import pytest
from django.conf import settings
from django.core.cache import cache

from glassbed.features.accounts import first_link
from glassbed.features.accounts.models import Person
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose
from glassbed.processes import prepare
from glassbed.protocol.ids import uuid7

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers", "no_operator")]
PASSWORD = "correct horse battery"


@pytest.fixture
def copy():
    """The terminal's copy of the link, as `prepare` leaves it at each start."""
    file = settings.HOME / "run" / "first-link"
    file.unlink(missing_ok=True)
    prepare._offer_first_link()
    yield file
    file.unlink(missing_ok=True)


def by_the_link():
    browser = people.visitor()
    answer = browser.get(f"/welcome/{first_link.make(time.time())}/")
    assert answer.status_code == 302, "the link is used"
    return browser


def sign_up(browser):
    email = f"{uuid7().hex}@example.org"
    assert browser.post("/accounts/signup/", {"email": email, "password1": PASSWORD}).status_code == 302
    return email


def prove(browser, email):
    with purpose("mailing"):
        text = Mail.objects.filter(to=email).latest("created_at").text
    code = re.search(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", text, re.MULTILINE)[1]
    browser.post("/accounts/confirm-email/", {"code": code})


def is_operator(email):
    with purpose("sign_in"):
        return Person.objects.get(emailaddress__email=email).is_operator


def test_who_mistyped_the_address_signs_up_again_by_the_same_link():
    wrong = sign_up(by_the_link())
    browser = by_the_link()
    right = sign_up(browser)
    prove(browser, right)
    assert (is_operator(right), is_operator(wrong)) == (True, False)
    assert people.visitor().get(f"/welcome/{first_link.make(time.time())}/").status_code == 404


def test_who_proves_the_address_later_is_the_operator_still():
    """The mail server was set wrongly at first; signing in sends the code again."""
    email = sign_up(by_the_link())
    cache.clear()  # a minute later: a code is sent again after a while only
    later = people.visitor()
    later.post("/accounts/login/", {"login": email, "password": PASSWORD})
    prove(later, email)
    assert later.get("/files/").status_code == 200
    assert is_operator(email)


def test_the_terminals_copy_stays_until_the_address_is_proven(copy):
    browser = by_the_link()
    email = sign_up(browser)
    assert copy.exists()
    prove(browser, email)
    assert not copy.exists()


def test_the_next_start_offers_the_link_again_while_nobody_proved_an_address(copy):
    browser = by_the_link()
    email = sign_up(browser)
    prepare._offer_first_link()
    assert copy.exists()
    prove(browser, email)
    prepare._offer_first_link()
    assert not copy.exists()


def test_sign_up_stays_closed_to_others_until_the_address_is_proven():
    sign_up(by_the_link())
    answer = people.visitor().post("/accounts/signup/", {"email": "eve@example.org", "password1": PASSWORD})
    assert "closed" in answer.content.decode().lower()
