"""Every address, by GET and POST, as everybody: a literal table, so that a new address fails until it is entered."""

from typing import NamedTuple

import people
import pytest
from django.test import Client
from django.urls import reverse

from glassbed.features.accounts.models import Session
from glassbed.features.printers.models import Pairing
from glassbed.features.trust.actions import decide
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol.ids import uuid7
from glassbed.web.checks import patterns

pytestmark = pytest.mark.integration

WHO = ("anonymous", "stranger", "left", "viewer", "operator", "owner")
"""Somebody with a printer of their own; who had a share and lost it; who may watch; who may print; whose it is."""

# Address → statuses by GET and by POST (with an empty form), for each of WHO.
EXPECTED = {
    "printers": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "first_link": ("404 404 404 404 404 404", "405 405 405 405 405 405"),
    "account_login": ("200 302 302 302 302 302", "200 302 302 302 302 302"),
    "account_logout": ("302 200 200 200 200 200", "302 302 302 302 302 302"),
    "account_inactive": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "account_signup": ("200 302 302 302 302 302", "200 302 302 302 302 302"),
    "account_reauthenticate": ("302 200 200 200 200 200", "302 200 200 200 200 200"),
    "account_email": ("302 200 200 200 200 200", "302 302 302 302 302 302"),
    "account_email_verification_sent": ("302 302 302 302 302 302", "302 302 302 302 302 302"),
    "account_change_password": ("302 200 200 200 200 200", "302 200 200 200 200 200"),
    "account_set_password": ("302 302 302 302 302 302", "302 302 302 302 302 302"),
    "account_reset_password": ("200 200 200 200 200 200", "200 200 200 200 200 200"),
    "account_confirm_login_code": ("302 302 302 302 302 302", "302 302 302 302 302 302"),
    "account_confirm_password_reset_code": ("302 302 302 302 302 302", "302 302 302 302 302 302"),
    "account_complete_password_reset": ("302 302 302 302 302 302", "302 302 302 302 302 302"),
    "account_password_reset_completed": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "settings": ("302 200 200 200 200 200", "302 200 200 200 200 200"),
    "session_end": ("302 405 405 405 405 405", "302 404 404 404 404 302"),
    "set_language": ("302 302 302 302 302 302", "302 302 302 302 302 302"),
    "printer_add": ("302 200 200 200 200 200", "302 200 200 200 200 200"),
    "printer_ask_key": ("302 405 405 405 405 405", "302 422 422 422 422 422"),
    "demo": ("302 405 405 405 405 405", "302 403 403 403 403 403"),
    "printer": ("302 404 404 200 200 200", "302 405 405 405 405 405"),
    "printer_prints": ("302 404 404 200 200 200", "302 405 405 405 405 405"),
    "printer_control": ("302 405 405 405 405 405", "302 404 404 403 503 503"),
    "printer_edit": ("302 404 404 403 403 200", "302 404 404 403 403 200"),
    "printer_bind_again": ("302 405 405 405 405 405", "302 404 404 403 403 422"),
    "printer_remove": ("302 405 405 405 405 405", "302 404 404 403 403 302"),
    "printer_invite": ("302 405 405 405 405 405", "302 404 404 422 422 422"),
    "printer_leave": ("302 405 405 405 405 405", "302 404 404 302 302 404"),
    "queue_add": ("302 405 405 405 405 405", "302 404 404 404 404 404"),
    "share_end": ("302 405 405 405 405 405", "302 404 404 404 404 302"),
    "invitation_withdraw": ("302 405 405 405 405 405", "302 404 404 404 404 302"),
    "invitation": ("302 200 200 200 200 200", "302 302 302 302 302 302"),
    "bridges": ("302 200 200 200 200 200", "302 405 405 405 405 405"),
    "pair": ("302 200 200 200 200 200", "302 200 200 200 200 200"),
    "adopt_local": ("302 405 405 405 405 405", "302 403 403 403 403 403"),
    "bridge_revoke": ("302 405 405 405 405 405", "302 404 404 404 404 302"),
    "bridge_discover": ("302 404 404 404 404 200", "302 405 405 405 405 405"),
    "bridge_ask": ("405 405 405 405 405 405", "422 422 422 422 422 422"),
    "bridge_answer": ("405 405 405 405 405 405", "422 422 422 422 422 422"),
    "bridge_ticket": ("405 405 405 405 405 405", "422 422 422 422 422 422"),
    "bridge_file": ("401 401 401 401 401 401", "405 405 405 405 405 405"),
    "live_ticket": ("302 405 405 405 405 405", "302 422 422 422 422 422"),
    "files": ("302 200 200 200 200 200", "302 405 405 405 405 405"),
    "file_upload": ("302 405 405 405 405 405", "302 302 302 302 302 302"),
    "file": ("302 404 404 404 404 200", "302 405 405 405 405 405"),
    "file_picture": ("302 404 404 404 404 200", "302 405 405 405 405 405"),
    "file_download": ("302 404 404 404 404 200", "302 405 405 405 405 405"),
    "file_remove": ("302 405 405 405 405 405", "302 404 404 404 404 302"),
    "history": ("302 200 200 200 200 200", "302 405 405 405 405 405"),
    "recent_prints": ("302 200 200 200 200 200", "302 405 405 405 405 405"),
    "print": ("302 404 404 404 200 200", "302 405 405 405 405 405"),
    "print_trace": ("302 404 404 404 200 200", "302 405 405 405 405 405"),
    "print_start": ("302 405 405 405 405 405", "302 404 404 404 302 302"),
    "print_move": ("302 405 405 405 405 405", "302 404 404 404 403 302"),
    "print_take": ("302 405 405 405 405 405", "302 404 404 404 403 302"),
    "print_again": ("302 405 405 405 405 405", "302 404 404 404 409 302"),
    "print_remove": ("302 405 405 405 405 405", "302 404 404 404 403 409"),
    "privacy": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_notice": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_terms": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_feature": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_activity": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_activity_text": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_cookies": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_recipients": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_transfers": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_versions": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_version": ("404 404 404 404 404 404", "405 405 405 405 405 405"),
    "privacy_record": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_record_csv": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_record_xlsx": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_record_json": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "gpc": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "policy_json": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "policy_jsonld": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "privacy_safeguards": ("404 404 404 404 404 404", "405 405 405 405 405 405"),
    "security_txt": ("404 404 404 404 404 404", "405 405 405 405 405 405"),
    "change_password": ("302 302 302 302 302 302", "405 405 405 405 405 405"),
    "own_data": ("302 200 200 200 200 200", "302 405 405 405 405 405"),
    "happenings": ("302 200 200 200 200 200", "302 405 405 405 405 405"),
    "choices": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "choose": ("302 405 405 405 405 405", "302 302 302 302 302 302"),
    "receipt": ("302 404 404 404 404 200", "302 405 405 405 405 405"),
    "unsubscribe": ("404 404 404 404 404 404", "404 404 404 404 404 404"),
    "desk": ("302 403 403 403 403 403", "302 405 405 405 405 405"),
    "send_news": ("302 405 405 405 405 405", "302 403 403 403 403 403"),
    "outbox": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
    "authority": ("404 404 404 404 404 404", "405 405 405 405 405 405"),
    "ledger_head": ("200 200 200 200 200 200", "405 405 405 405 405 405"),
}

SHOWN_TO_WHO_HAS_THE_LINK = {"invitation"}


class Scene(NamedTuple):
    """The people, and an owner's things, whose names hold `mark`."""

    clients: dict[str, Client]
    mark: str
    parameters: dict[str, object]


def make_people():
    who = {
        name: None if name == "anonymous" else people.make_person(password="correct horse") for name in WHO
    }
    people.make_printer(who["stranger"])
    return who


def make_scene(who):
    """Things of the owner's that nobody has touched yet."""
    owner, mark = who["owner"], f"mark-{uuid7().hex[-12:]}"
    bridge = people.make_bridge(owner).bridge
    printer = people.make_printer(owner, bridge, name=mark)
    people.make_connection(printer)
    given = people.share(printer, who["viewer"], Level.VIEWER)
    people.share(printer, who["operator"], Level.OPERATOR)
    lost = people.share(printer, who["left"], Level.OPERATOR)
    file = people.make_file(owner, picture=b"webp")
    waiting = people.make_print(printer, owner, file)
    people.make_trace(people.make_print(printer, owner, file, "completed"))
    people.make_print(printer, who["left"], people.make_file(who["left"]), "completed")
    people.end(lost)
    invitation, token = people.make_invitation(printer)
    people.open_session(owner)
    with purpose("account", person=owner.pk):
        session = Session.objects.order_by("-created_at").first()
    with purpose("pairing"):
        pairing = Pairing.objects.create(
            code=uuid7().hex[-9:],
            public_key=b"k" * 32,
            name=mark,
            version="1",
            expires_at=invitation.expires_at,
        )
    with purpose("choosing", person=owner.pk):
        decision = decide(person=owner.pk, choice="statistics", is_open=True, language="en")
    parameters = {
        "printer_id": printer.pk,
        "share_id": given.pk,
        "invitation_id": invitation.pk,
        "bridge_id": bridge.pk,
        "file_id": file.pk,
        "print_id": waiting.pk,
        "session_id": session.public_id,
        "pairing_id": pairing.pk,
        "token": token,
        "kind": "pause",
        "feature": "printers",
        "activity": "statistics",
        "party": "mail_server",
        "choice": "news",
        "digest": "0" * 64,
        "decision_id": decision.pk,
    }
    return Scene({name: people.browser_of(person) for name, person in who.items()}, mark, parameters)


def address(name, pattern, scene):
    return reverse(name, kwargs={key: scene.parameters[key] for key in pattern.pattern.converters})


NAMED = {pattern.name: pattern for _route, pattern in patterns()}


@pytest.fixture(scope="module")
def everybody(servers):
    return make_people()


def test_every_address_has_a_name_and_an_expectation():
    assert set(NAMED) == set(EXPECTED)
    assert len(NAMED) == len(list(patterns()))


@pytest.fixture(scope="module")
def untouched(everybody):
    """For asking only: no GET changes anything."""
    return make_scene(everybody)


@pytest.mark.parametrize("name", NAMED)
def test_an_address_answers_everybody_as_expected(everybody, untouched, name):
    pattern = NAMED[name]
    found = []
    for method in ("get", "post"):
        row = []
        for who in WHO:
            scene = untouched if method == "get" else make_scene(everybody)
            if name == "account_logout":
                scene = make_scene(everybody)
            response = getattr(scene.clients[who], method)(address(name, pattern, scene))
            row.append(str(response.status_code))
            if who in ("anonymous", "stranger", "left") and name not in SHOWN_TO_WHO_HAS_THE_LINK:
                body = b"".join(response.streaming_content) if response.streaming else response.content
                assert scene.mark.encode() not in body, (method, who)
        found.append(" ".join(row))
    assert tuple(found) == EXPECTED.get(name)
