"""Binding a printer: the bridge tries the host first; its key passes through and is stored nowhere here."""

import msgspec
import people
import pytest
from features.notes import noted
from features.on_the_bus import ConnectedBridge, Overhearing

from glassbed.features.printers.models import Bridge, Printer
from glassbed.features.printers.recording import connected
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol import messages, subjects
from glassbed.protocol.ids import uuid7
from glassbed.protocol.messages import Outcome

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
FACTS = messages.HostFacts(software="OctoPrint 1.11", firmware="Marlin", model="MK3S", can=("pause", "files"))


@pytest.fixture
def owner():
    return people.make_person()


@pytest.fixture
def browser(owner):
    return people.browser_of(owner)


@pytest.fixture
def bridge(owner):
    return people.make_bridge(owner).bridge


def form(bridge, **fields):
    bound = {"driver": "octoprint", "address": "http://octopi.local", "key": "k-secret", "name": "Shelf"}
    return {"bridge": bridge.pk, **bound, **fields}


def printers(owner):
    with purpose("printing", person=owner.pk):
        return list(Printer.objects.all())


def errors(response):
    assert response.status_code == 422
    return response.content.decode()


def told_of(heard, bridge):
    """The printers that the bridge was told it has."""
    (last,) = [said.payload for said in heard.said if said.subject == subjects.printers(str(bridge))]
    return msgspec.json.decode(last, type=list[messages.Printer])


# -- the form ------------------------------------------------------------------------------------------------


def test_a_printer_is_kept_once_its_bridge_has_reached_the_host(owner, browser, bridge, servers):
    with (
        Overhearing(subjects.EVERY_PRINTERS) as heard,
        ConnectedBridge(bridge.pk, Outcome.DONE, facts=FACTS) as there,
    ):
        response = browser.post("/printers/add/", form(bridge), follow=True)
    assert "Shelf is bound." in response.content.decode()
    (made,) = printers(owner)
    assert response.redirect_chain[-1][0] == f"/printers/{made.pk}/"
    assert (made.name, made.driver, made.address, made.bridge_id) == (
        *("Shelf", "octoprint", "http://octopi.local"),
        bridge.pk,
    )
    assert (made.software, made.firmware, made.model, made.can) == (
        *("OctoPrint 1.11", "Marlin", "MK3S"),
        ["pause", "files"],
    )
    (command,) = there.commands
    assert (command.order.key, command.order.printer.id, command.printer) == ("k-secret", str(made.pk), None)
    assert [printer.id for printer in told_of(heard, bridge.pk)] == [str(made.pk)]
    with servers.superuser() as admin:
        found = admin.execute(
            "SELECT count(*) FROM printers_printer p WHERE to_jsonb(p)::text LIKE '%k-secret%'"
        )
        assert found.fetchone() == (0,)
    assert noted(owner) == ["account_opened", "printer_bound"]


def test_a_host_without_a_key_is_tried_without_one(browser, bridge):
    with ConnectedBridge(bridge.pk, Outcome.DONE) as there:
        browser.post("/printers/add/", form(bridge, key=""))
    assert there.commands[0].order.key is None


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REFUSED, Outcome.ACCEPTED])
def test_a_host_that_does_not_accept_is_shown_in_its_own_words(owner, browser, bridge, outcome):
    with ConnectedBridge(bridge.pk, outcome, reason="The key is not valid."):
        response = browser.post("/printers/add/", form(bridge))
    page = errors(response)
    assert "The key is not valid." in page
    assert "http://octopi.local" in page  # what was entered stays
    assert "k-secret" not in page
    assert printers(owner) == []


def test_a_bridge_that_is_away_binds_nothing(owner, browser, bridge):
    assert "is not connected" in errors(browser.post("/printers/add/", form(bridge)))
    assert printers(owner) == []


def test_a_printer_is_bound_to_a_bridge_of_ones_own_only(owner, browser):
    foreign = people.make_bridge(people.make_person()).bridge
    with ConnectedBridge(foreign.pk, Outcome.DONE) as there:
        errors(browser.post("/printers/add/", form(foreign)))
    assert there.commands == []
    assert printers(owner) == []


def test_a_revoked_bridge_is_not_offered(browser, bridge):
    browser.post(f"/bridges/{bridge.pk}/revoke/")
    errors(browser.post("/printers/add/", form(bridge)))
    assert "A bridge comes first" in browser.get("/printers/add/").content.decode()


def test_the_simulated_printer_has_a_button_of_its_own(browser, bridge):
    with ConnectedBridge(bridge.pk, Outcome.DONE) as there:
        errors(browser.post("/printers/add/", form(bridge, driver="simulated")))
    assert there.commands == []


@pytest.mark.parametrize(
    ("entered", "kept"),
    [
        ("octopi.local", "http://octopi.local"),
        (" 192.168.1.20:7125/ ", "http://192.168.1.20:7125"),
        ("https://octopi.local:8443/", "https://octopi.local:8443"),
        ("//octopi.local", None),
        ("[::1]:80", "http://[::1]:80"),
        ("http://[", None),
        ("octopi.local:65535", "http://octopi.local:65535"),
        ("octopi.local:65536", None),
        ("octopi.local:port", None),
        ("ftp://octopi.local", None),
        ("http://", None),
    ],
)
def test_an_address_is_a_host_with_or_without_a_port(owner, browser, bridge, entered, kept):
    with ConnectedBridge(bridge.pk, Outcome.DONE) as there:
        response = browser.post("/printers/add/", form(bridge, address=entered))
    if kept is None:
        assert "That is no address" in errors(response)
        assert there.commands == []
    else:
        assert [printer.address for printer in printers(owner)] == [kept]


@pytest.mark.parametrize("address", ["http://me:pw@octopi.local", "octopi.local/?a=b", "octopi.local/#a"])
def test_an_address_holds_no_name_and_no_question(browser, bridge, address):
    page = errors(browser.post("/printers/add/", form(bridge, address=address)))
    assert "Leave out user names and anything behind a question mark." in page


def test_a_found_host_fills_the_form_in(browser, bridge):
    page = browser.get(
        "/printers/add/", {"address": "http://found.local", "name": "Found", "driver": "moonraker"}
    )
    assert 'value="http://found.local"' in page.content.decode()
    assert 'value="Found"' in page.content.decode()


# -- the network of the bridge ----------------------------------------------------------------------------------


def test_what_announces_itself_is_listed(browser, bridge):
    found = (messages.Found(driver="moonraker", address="http://voron.local:7125", name="Voron"),)
    with ConnectedBridge(bridge.pk, Outcome.DONE, found=found) as there:
        page = browser.get(f"/bridges/{bridge.pk}/discover/").content.decode()
    assert [command.order for command in there.commands] == [messages.Discover()]
    assert "http://voron.local:7125" in page
    assert "driver=moonraker" in page


def test_a_network_on_which_nothing_announces_itself_is_told(browser, bridge):
    with ConnectedBridge(bridge.pk, Outcome.DONE):
        assert "found nothing" in browser.get(f"/bridges/{bridge.pk}/discover/").content.decode()


def test_the_list_asks_again_while_the_bridge_is_on_its_way(browser, bridge):
    page = browser.get(f"/bridges/{bridge.pk}/discover/").content.decode()
    assert "is not connected yet" in page
    assert f'hx-get="/bridges/{bridge.pk}/discover/"' in page


def test_a_host_is_asked_for_a_key(browser, bridge):
    with ConnectedBridge(bridge.pk, Outcome.ACCEPTED, key="http://octopi.local/plugin/appkeys") as there:
        response = browser.post("/printers/add/key/", form(bridge, key="", name=""))
    assert "http://octopi.local/plugin/appkeys" in response.content.decode()
    (command,) = there.commands
    assert command.order == messages.AskKey(driver="octoprint", address="http://octopi.local")


@pytest.mark.parametrize(
    ("reason", "said"), [("No such host.", "No such host."), (None, "can&#x27;t be accepted")]
)
def test_a_host_that_grants_no_keys_is_told(browser, bridge, reason, said):
    with ConnectedBridge(bridge.pk, Outcome.FAILED, reason=reason):
        response = browser.post("/printers/add/key/", form(bridge))
    assert said in errors(response)


def test_a_key_is_asked_for_with_an_address_only(browser, bridge):
    with ConnectedBridge(bridge.pk, Outcome.ACCEPTED) as there:
        page = errors(browser.post("/printers/add/key/", form(bridge, address="http://[")))
    assert "enter its address first" in page
    assert there.commands == []


# -- afterwards -------------------------------------------------------------------------------------------------


def settings_of(printer, **fields):
    return {"name": printer.name, "keep_history": "on", "keep_trace": "on", **fields}


def test_what_is_kept_is_told_to_the_bridge_once_it_is_saved(owner, browser):
    printer = people.make_printer(owner)
    with Overhearing(subjects.EVERY_PRINTERS) as heard:
        response = browser.post(f"/printers/{printer.pk}/settings/", {"name": "Desk", "keep_history": "on"})
    assert response.status_code == 302
    (kept,) = printers(owner)
    assert (kept.name, kept.keep_history, kept.keep_trace) == ("Desk", True, False)
    (told,) = told_of(heard, printer.bridge_id)
    assert (told.keep_history, told.keep_trace) == (True, False)


def test_without_history_the_bridge_keeps_no_trace_either(owner, browser):
    printer = people.make_printer(owner)
    with Overhearing(subjects.EVERY_PRINTERS) as heard:
        browser.post(f"/printers/{printer.pk}/settings/", {"name": "Desk", "keep_trace": "on"})
    (told,) = told_of(heard, printer.bridge_id)
    assert (told.keep_history, told.keep_trace) == (False, False)


def test_settings_that_are_wrong_change_nothing(owner, browser):
    printer = people.make_printer(owner)
    with Overhearing(subjects.EVERY_PRINTERS) as heard:
        page = browser.post(
            f"/printers/{printer.pk}/settings/", settings_of(printer, name="")
        ).content.decode()
    assert "This field is required" in page
    assert heard.said == []
    assert [kept.name for kept in printers(owner)] == ["Shelf"]


def test_a_removed_printer_is_told_to_its_bridge_and_its_viewers(owner, browser, bridge):
    gone, stays = people.make_printer(owner, bridge), people.make_printer(owner, bridge)
    with Overhearing(subjects.EVERY_PRINTERS, subjects.EVERY_ACCESS) as heard:
        response = browser.post(f"/printers/{gone.pk}/remove/", follow=True)
    assert "Shelf and its history are removed." in response.content.decode()
    assert [printer.id for printer in told_of(heard, bridge.pk)] == [str(stays.pk)]
    assert subjects.access(str(gone.pk)) in heard.named
    assert noted(owner)[-1] == "printer_removed"


def test_a_revoked_bridge_is_cut_off_at_once(owner, browser, bridge):
    with Overhearing(subjects.EVERY_REVOKE) as heard:
        browser.post(f"/bridges/{bridge.pk}/revoke/")
    assert heard.named == [subjects.revoke(str(bridge.pk))]
    assert noted(owner)[-1] == "bridge_revoked"
    with purpose("printing", person=owner.pk):
        assert Bridge.objects.get().revoked_at is not None


def test_what_a_host_leaves_out_stays_as_it_was(owner, servers):
    printer = people.make_printer(owner, firmware="Marlin 2", serial="CZPX", can=["pause"])
    report = messages.Connected(
        connection_id=str(uuid7()), since=1.0, facts=messages.HostFacts(software="OctoPrint 2")
    )
    with servers.surface("recorder"), purpose("recording"):
        connected(Printer.objects.get(pk=printer.pk), report)
    (known,) = printers(owner)
    assert (known.software, known.firmware, known.serial, known.can) == (
        *("OctoPrint 2", "Marlin 2", "CZPX"),
        ["pause"],
    )


def test_nobody_but_the_owner_changes_what_is_kept(owner):
    printer, operator = people.make_printer(owner), people.make_person()
    people.share(printer, operator, Level.OPERATOR)
    response = people.browser_of(operator).post(
        f"/printers/{printer.pk}/settings/", settings_of(printer, name="Mine")
    )
    assert response.status_code == 403
    assert [kept.name for kept in printers(owner)] == ["Shelf"]
