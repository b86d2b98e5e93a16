"""Where data is asked for, its notice stands: category, what for, on which basis, how long, from the pack."""

import people
import pytest
from django.conf import settings
from django.template import Context, Template

from glassbed.features.accounts.adapter import AccountAdapter
from glassbed.policy.binding import Level
from glassbed.policy.statements import identifier
from glassbed.policy.texts import localized

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]

POINTS = {
    "/settings/": ["profile"],
    "/bridges/pair/": ["device"],
    "/printers/add/": ["device"],
    "/files/": ["print_file", "print"],
    "/accounts/email/": ["contact", "mail"],
}


@pytest.fixture
def person():
    person = people.make_person()
    people.make_printer(person)
    return person


def notices(text):
    """What stands in each notice of a page."""
    return [part.partition("</details>")[0] for part in text.split('<details class="why">')[1:]]


@pytest.mark.promise("BL-30")
@pytest.mark.parametrize("path", POINTS)
def test_each_form_says_what_it_asks_for_and_why(person, path):
    (said,) = notices(people.browser_of(person).get(path).content.decode())
    pack = settings.GLASSBED_PACK
    for key in POINTS[path]:
        assert pack.categories[key].title in said
        assert f"#{identifier('categories', key)}" in said
    assert "(Contract)" in said
    assert "Kept until you remove it." in said or "Kept as long as your account." in said


@pytest.mark.promise("BL-30")
def test_sign_up_says_it_before_anything_is_typed(monkeypatch):
    monkeypatch.setattr(AccountAdapter, "is_open_for_signup", lambda *_: True)
    (said,) = notices(people.visitor().get("/accounts/signup/").content.decode())
    for key in ("account", "contact", "profile", "session"):
        assert settings.GLASSBED_PACK.categories[key].title in said


@pytest.mark.promise("BL-30")
def test_a_printers_settings_say_it_for_shares_and_for_where_it_is_reached(person):
    printer = people.make_printer(person, driver="octoprint")
    shares, reached = notices(
        people.browser_of(person).get(f"/printers/{printer.pk}/settings/").content.decode()
    )
    assert settings.GLASSBED_PACK.categories["share"].title in shares
    assert settings.GLASSBED_PACK.categories["device"].title in reached


@pytest.mark.promise("BL-30")
def test_an_invitation_says_what_its_owner_will_see(person):
    _, token = people.make_invitation(people.make_printer(person), Level.VIEWER)
    (said,) = notices(people.browser_of(people.make_person()).get(f"/invitations/{token}/").content.decode())
    assert settings.GLASSBED_PACK.categories["share"].title in said


def test_it_speaks_the_persons_language(person):
    page = people.browser_of(person).get("/settings/", HTTP_ACCEPT_LANGUAGE="de").content.decode()
    assert localized(settings.GLASSBED_PACK, "de").categories["profile"].title in notices(page)[0]


def test_a_kind_that_there_is_not_is_an_error():
    with pytest.raises(KeyError):
        Template("{% load why %}{% why 'shoe_size' %}").render(Context())
