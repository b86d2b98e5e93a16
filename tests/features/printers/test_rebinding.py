"""A bound printer that moved, got a new key or another bridge: bound again, it keeps its history and its shares."""

import msgspec
import people
import pytest
from django.conf import settings
from features.notes import noted
from features.on_the_bus import ConnectedBridge, Overhearing

from glassbed.features.jobs.models import Print
from glassbed.features.printers.models import Printer, Share
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol import messages, subjects
from glassbed.protocol.messages import Outcome

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
MOVED = "http://192.168.1.30"


@pytest.fixture
def owner():
    return people.make_person()


@pytest.fixture
def printer(owner):
    made = people.make_printer(owner, software="OctoPrint 1.10", serial="A1")
    people.share(made, people.make_person(), Level.OPERATOR)
    people.make_print(made, owner, None, "completed")
    return made


def bind_again(person, printer, **fields):
    form = {"bridge": printer.bridge_id, "address": printer.address, "key": "", **fields}
    return people.browser_of(person).post(f"/printers/{printer.pk}/bind/", form, follow=True)


def now(owner):
    """The owner's one printer, with what belongs to it."""
    with purpose("printing", person=owner.pk):
        found = Printer.objects.get()
        assert (Share.objects.count(), Print.objects.count()) == (1, 1)
        return found


def bridges_told(heard):
    """Bridge → addresses of the printers that it was told it has."""
    return {
        said.subject.rpartition(".")[2]: [
            told.address for told in msgspec.json.decode(said.payload, type=list[messages.Printer])
        ]
        for said in heard.said
        if said.subject.startswith("printers.")
    }


def test_a_printer_that_moved_is_found_at_its_new_address(owner, printer):
    facts = messages.HostFacts(software="OctoPrint 1.11")
    with (
        Overhearing(subjects.EVERY_PRINTERS) as heard,
        ConnectedBridge(printer.bridge_id, Outcome.DONE, facts=facts) as there,
    ):
        page = bind_again(owner, printer, address="192.168.1.30/", key="k-new")
    assert page.redirect_chain == [(f"/printers/{printer.pk}/settings/", 302)]
    assert "The printer is bound to it now." in page.content.decode()
    (command,) = there.commands
    assert (command.order.printer.id, command.order.printer.address) == (str(printer.pk), MOVED)
    assert (command.order.key, command.order.printer.driver) == ("k-new", "octoprint")
    found = now(owner)
    assert (found.pk, found.address, found.name) == (printer.pk, MOVED, "Shelf")
    assert (found.software, found.serial) == ("OctoPrint 1.11", "A1")
    assert bridges_told(heard) == {str(printer.bridge_id): [MOVED]}
    assert noted(owner)[-1] == "printer_bound"


def test_another_bridge_takes_a_printer_over_and_the_first_lets_it_go(owner, printer):
    other = people.make_bridge(owner).bridge
    with Overhearing(subjects.EVERY_PRINTERS) as heard, ConnectedBridge(other.pk, Outcome.DONE):
        bind_again(owner, printer, bridge=other.pk)
    assert now(owner).bridge_id == other.pk
    assert bridges_told(heard) == {str(printer.bridge_id): [], str(other.pk): [printer.address]}


def test_pages_that_watch_the_printer_ask_again_where_it_is(owner, printer):
    with (
        Overhearing(subjects.access(str(printer.pk))) as heard,
        ConnectedBridge(printer.bridge_id, Outcome.DONE),
    ):
        bind_again(owner, printer, address=MOVED)
    assert len(heard.said) == 1


def test_a_printer_of_a_revoked_bridge_is_taken_over_by_another(owner, printer):
    people.browser_of(owner).post(f"/bridges/{printer.bridge_id}/revoke/")
    assert "You have no bridge" in bind_again(owner, printer).content.decode()
    other = people.make_bridge(owner).bridge
    with ConnectedBridge(other.pk, Outcome.DONE):
        bind_again(owner, printer, bridge=other.pk)
    assert now(owner).bridge_id == other.pk


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REFUSED])
def test_a_host_that_does_not_let_the_bridge_in_changes_nothing_and_says_why(owner, printer, outcome):
    with ConnectedBridge(printer.bridge_id, outcome, reason="The key is not valid."):
        response = bind_again(owner, printer, address=MOVED, key="k-secret")
    page = response.content.decode()
    assert response.status_code == 422
    assert "The key is not valid." in page
    assert MOVED in page  # what was entered stays, but for the key
    assert "k-secret" not in page
    assert now(owner).address == printer.address


def test_an_address_that_is_none_is_not_tried(owner, printer):
    with ConnectedBridge(printer.bridge_id, Outcome.DONE) as there:
        assert "That is no address." in bind_again(owner, printer, address="http://[").content.decode()
    assert there.commands == []


def test_a_bridge_that_is_away_changes_nothing(owner, printer):
    response = bind_again(owner, printer, address=MOVED)
    assert response.status_code == 422
    assert "is not connected" in response.content.decode()
    assert now(owner).address == printer.address


def test_only_the_owner_binds_again_and_by_a_bridge_of_theirs(owner, printer):
    foreign = people.make_bridge(people.make_person()).bridge
    with ConnectedBridge(foreign.pk, Outcome.DONE) as there:
        assert bind_again(owner, printer, bridge=foreign.pk).status_code == 422
    guest = people.make_person()
    people.share(printer, guest, Level.OPERATOR)
    with ConnectedBridge(printer.bridge_id, Outcome.DONE) as here:
        assert bind_again(guest, printer, address=MOVED).status_code == 403
    assert there.commands == here.commands == []
    with purpose("printing", person=owner.pk):
        assert Printer.objects.get().address == printer.address


def test_a_printer_that_was_removed_meanwhile_is_not_found(owner, printer):
    class Slow(ConnectedBridge):
        def answer(self, payload):
            people.browser_of(owner).post(f"/printers/{printer.pk}/remove/")
            return super().answer(payload)

    with Slow(printer.bridge_id, Outcome.DONE):
        assert bind_again(owner, printer, address=MOVED).status_code == 404


def test_the_page_of_a_printer_that_refuses_the_key_leads_its_owner_to_the_form(owner, printer):
    way = f"/printers/{printer.pk}/settings/#binding"
    browser = people.browser_of(owner)
    assert browser.get(f"/printers/{printer.pk}/").content.decode().count(way) == 2
    assert 'id="binding"' in browser.get(f"/printers/{printer.pk}/settings/").content.decode()
    guest = people.make_person()
    people.share(printer, guest, Level.OPERATOR)
    assert way not in people.browser_of(guest).get(f"/printers/{printer.pk}/").content.decode()


# -- invitations -----------------------------------------------------------------------------------------------


def test_an_invitation_leads_to_the_address_that_others_reach(owner, printer):
    """Also where its owner opened the page by another name, as `localhost`."""
    browser = people.browser_of(owner)
    page = browser.post(
        f"/printers/{printer.pk}/invite/", {"level": "1"}, headers={"Host": "localhost"}
    ).content.decode()
    assert f"{settings.GLASSBED.public_url}/invitations/" in page
    assert "localhost/invitations" not in page


def test_who_may_print_keeps_that_and_what_waits_when_they_accept_less(owner):
    shared, guest = people.make_printer(owner), people.make_person()
    for level in (Level.OPERATOR, Level.VIEWER):
        _invitation, token = people.make_invitation(shared, level)
        people.browser_of(guest).post(f"/invitations/{token}/")
        if level == Level.OPERATOR:
            waiting = people.make_print(shared, guest, people.make_file(guest))
    with ConnectedBridge(shared.bridge_id, Outcome.ACCEPTED) as there:
        people.browser_of(guest).post(f"/prints/{waiting.pk}/start/")
    assert len(there.commands) == 1
