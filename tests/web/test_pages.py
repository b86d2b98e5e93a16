"""What pages show to whom: the dashboard's order, units, what may be printed where, and the outbox."""

import dataclasses
import re
import shutil

import people
import pytest
from cryptography import x509
from django.conf import settings
from features.notes import noted

from glassbed.features.accounts.models import Profile
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.processes import authority
from glassbed.web import pages

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def person():
    return people.make_person()


@pytest.fixture
def browser(person):
    return people.browser_of(person)


@pytest.fixture
def nobody_waits(servers):
    with servers.superuser() as admin:
        admin.execute("DELETE FROM printers_pairing WHERE is_local")


def set_up(monkeypatch, **changed):
    monkeypatch.setattr(settings, "GLASSBED", dataclasses.replace(settings.GLASSBED, **changed))


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def names(page):
    return re.findall(r'data-printer-name="([^"]*)"', page)


# -- the dashboard -------------------------------------------------------------------------------------------


def test_what_prints_comes_first_and_the_rest_by_name(person, browser):
    made = {name: people.make_printer(person, name=name) for name in ("D", "B", "C", "A")}
    for name in ("D", "B"):
        people.make_print(made[name], person, None, "printing")
    assert names(text(browser.get("/"))) == ["B", "D", "A", "C"]


def test_from_many_printers_on_the_cards_are_small(person, browser, monkeypatch):
    monkeypatch.setattr(pages, "MANY_PRINTERS", 1)
    people.make_printer(person)
    one = text(browser.get("/"))
    people.make_printer(person)
    many = text(browser.get("/"))
    assert ("lg:grid-cols-3 xl:grid-cols-4" in one, "lg:grid-cols-3 xl:grid-cols-4" in many) == (False, True)


def test_a_shared_printer_is_marked_and_what_waits_is_counted(person, browser):
    owner = people.make_person()
    shared = people.make_printer(owner, name="Theirs")
    people.share(shared, person, Level.OPERATOR)
    own = people.make_printer(person, name="Mine")
    for _ in range(2):
        people.make_print(own, person)
    page = text(browser.get("/"))
    assert page.count("Shared with you") == 1
    assert "2 in the queue" in page


@pytest.mark.parametrize(
    ("is_operator", "is_local", "offered"), [(True, True, 1), (True, False, 0), (False, True, 0)]
)
def test_the_demo_is_offered_to_the_operator_with_the_bridge_of_this_machine(
    nobody_waits, is_operator, is_local, offered
):
    person = people.make_person(is_operator=is_operator)
    people.make_bridge(person, is_local=is_local)
    assert text(people.browser_of(person).get("/")).count('action="/printers/demo/"') == offered


def test_the_week_stands_on_the_dashboard(person, browser, servers):
    done = people.make_print(people.make_printer(person), person, None, "completed")
    with servers.superuser() as admin:
        admin.execute(
            "UPDATE jobs_print SET ended_at = now(), duration_s = 9000, filament_mm = 12400 WHERE id = %s",
            [done.pk],
        )
    page = text(browser.get("/"))
    assert "1 completed" in page
    assert re.search(r">\s*2\.5\b", page)
    assert re.search(r">\s*12\b", page)


def test_the_latest_prints_come_alone_when_they_are_fetched_again(person, browser):
    people.make_print(people.make_printer(person), person, None, "completed")
    people.make_print(people.make_printer(person), person, None, "queued")
    page = text(browser.get("/prints/recent/"))
    assert "<html" not in page
    assert page.count("cube.gcode") == 1


def test_the_welcome_page_knows_whether_there_is_an_operator(servers):
    with servers.superuser() as admin:
        admin.execute("UPDATE accounts_person SET is_operator = false")
    new = text(people.visitor().get("/"))
    people.make_person(is_operator=True)
    assert text(people.visitor().get("/")) != new


# -- a printer, a file -----------------------------------------------------------------------------------------


def test_temperatures_are_shown_in_the_persons_unit(person, browser):
    assert 'data-units="celsius"' in text(browser.get("/"))
    with purpose("account", person=person.pk):
        Profile.objects.filter(person=person.pk).update(units="imperial")
    assert 'data-units="fahrenheit"' in text(browser.get("/"))
    assert 'data-units="celsius"' in text(people.visitor().get("/privacy/"))


def test_a_file_is_offered_to_printers_that_one_may_print_on(person, browser):
    owner = people.make_person()
    people.make_printer(person, name="Mine")
    for name, level in (("Watched", Level.VIEWER), ("Lent", Level.OPERATOR)):
        people.share(people.make_printer(owner, name=name), person, level)
    page = text(browser.get(f"/files/{people.make_file(person).pk}/"))
    assert names(page) == ["Lent", "Mine"]


def test_connections_and_commands_are_the_owners_alone(person, browser):
    printer = people.make_printer(person)
    people.make_connection(printer)
    browser.post(f"/printers/{printer.pk}/control/pause/")
    operator = people.make_person()
    people.share(printer, operator, Level.OPERATOR)
    own, theirs = (text(b.get(f"/printers/{printer.pk}/")) for b in (browser, people.browser_of(operator)))
    assert ("printer-log" in own, "printer-log" in theirs) == (True, False)
    assert "is not connected" in own


def test_the_queue_alone_offers_what_its_reader_may_do(person, browser):
    printer = people.make_printer(person)
    people.make_print(printer, person)
    viewer = people.make_person()
    people.share(printer, viewer, Level.VIEWER)
    path = f"/printers/{printer.pk}/prints/"
    own, theirs = (text(b.get(path)) for b in (browser, people.browser_of(viewer)))
    assert "<html" not in own + theirs
    assert ("/take/" in own, "/take/" in theirs) == (True, False)


@pytest.mark.parametrize(("is_traced", "shown"), [(True, True), (False, False)])
def test_a_print_has_a_chart_where_it_has_a_trace(person, browser, is_traced, shown):
    done = people.make_print(people.make_printer(person), person, None, "completed")
    if is_traced:
        people.make_trace(done)
    assert (f"/prints/{done.pk}/trace.json" in text(browser.get(f"/prints/{done.pk}/"))) is shown


# -- the outbox ------------------------------------------------------------------------------------------------


@pytest.fixture
def at_this_machine():
    return people.visitor()


def test_who_sits_at_the_machine_reads_the_outbox_while_it_serves_itself_alone(at_this_machine):
    assert at_this_machine.get("/outbox/").status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"public_url": "https://prints.example"},
        {"listen": "0.0.0.0:8400"},
        {"listen": "[::]:8400"},
        {"trusted_proxy": 1},
        {"smtp_url": "smtp://127.0.0.1:1"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_once_others_can_reach_it_the_outbox_is_closed_to_visitors(at_this_machine, monkeypatch, changed):
    set_up(monkeypatch, **changed)
    assert at_this_machine.get("/outbox/").status_code == 403


def test_a_visitor_from_elsewhere_or_through_a_proxy_reads_no_outbox(at_this_machine):
    assert at_this_machine.get("/outbox/", REMOTE_ADDR="192.168.1.5").status_code == 403
    assert at_this_machine.get("/outbox/", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 403


def test_the_operator_reads_the_outbox_from_anywhere_until_mail_goes_out(monkeypatch):
    operator, other = people.make_person(is_operator=True), people.make_person()
    set_up(monkeypatch, public_url="https://prints.example")
    assert people.browser_of(operator).get("/outbox/").status_code == 200
    assert noted(operator)[-1] == "outbox_read"
    assert people.browser_of(other).get("/outbox/").status_code == 403
    set_up(monkeypatch, smtp_url="smtp://127.0.0.1:1")
    assert "is not shown" in people.browser_of(operator).get("/outbox/").content.decode()


# -- the instance ------------------------------------------------------------------------------------------------


@pytest.fixture
def own_authority(monkeypatch):
    """A root certificate as the web process makes it at its start."""
    set_up(monkeypatch, tls="local")
    yield authority.root_certificate(settings.HOME)
    shutil.rmtree(authority.folder(settings.HOME))


def test_the_root_of_our_own_authority_is_there_to_be_trusted(own_authority, monkeypatch):
    response = people.visitor().get("/.well-known/glassbed-ca.pem")
    assert response["Content-Type"] == "application/x-pem-file"
    assert x509.load_pem_x509_certificate(response.content) == own_authority
    set_up(monkeypatch, tls="off")
    assert people.visitor().get("/.well-known/glassbed-ca.pem").status_code == 404


def test_a_bridge_is_told_which_root_to_pin(browser, own_authority, monkeypatch):
    pinned = f"--fingerprint {authority.fingerprint(settings.HOME)}"
    assert pinned in text(browser.get("/bridges/"))
    set_up(monkeypatch, tls="off")
    assert "--fingerprint" not in text(browser.get("/bridges/"))


def test_the_head_of_the_ledger_is_there_for_everybody_to_write_down():
    head = people.visitor().get("/.well-known/glassbed-ledger.json").json()
    assert set(head) == {"seq", "chain", "at"}
    assert re.fullmatch("[0-9a-f]{64}", head["chain"])


def test_the_navigation_marks_where_one_is(browser):
    page = text(browser.get("/files/"))
    assert set(re.findall(r'href="([^"]*)"[^>]*aria-current="page"', page)) == {"/files/"}
