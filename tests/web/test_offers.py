"""What a page offers is what the visitor may do."""

import dataclasses

import people
import pytest
from django.conf import settings

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
SIGN_UP = "/accounts/signup/"


@pytest.mark.parametrize(("signup", "offered"), [("open", True), ("closed", False)])
@pytest.mark.parametrize("path", ["/", "/privacy/", "/nothing-here/"])
def test_signing_up_is_offered_while_it_is_open(monkeypatch, signup, offered, path):
    people.make_person(is_operator=True)
    monkeypatch.setattr(settings, "GLASSBED", dataclasses.replace(settings.GLASSBED, signup=signup))
    page = people.visitor().get(path).content.decode()
    assert "/accounts/login/" in page
    assert (SIGN_UP in page) is offered


def test_who_has_an_invitation_is_offered_to_sign_up():
    people.make_person(is_operator=True)
    _made, token = people.make_invitation(people.make_printer(people.make_person()))
    visitor = people.visitor()
    assert SIGN_UP not in visitor.get("/").content.decode()
    visitor.get(f"/invitations/{token}/")
    assert SIGN_UP in visitor.get("/").content.decode()


def test_a_file_that_is_too_large_is_refused_before_it_travels():
    owner = people.make_person()
    printer = people.make_printer(owner)
    limit = f'data-limit-bytes="{settings.GLASSBED.upload_limit_mb * 1024 * 1024}"'
    assert limit in people.browser_of(owner).get(f"/printers/{printer.pk}/").content.decode()
