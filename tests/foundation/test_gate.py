"""The gate lets declared fields out to declared recipients, and the guard beneath it lets nothing else out at all."""

import dataclasses
import re
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import people
import pytest
from django.conf import settings

import glassbed
from glassbed.foundation import gate, outbound
from glassbed.foundation.ledger import LedgerNote
from glassbed.foundation.purpose import purpose
from glassbed.policy.pack import find, load

MAIL = {"to": "ada@example.org", "subject": "Code", "text": "ABCD"}


def test_what_is_declared_passes():
    assert gate.declared("mail", MAIL).to == "mail_server"


@pytest.mark.promise("TT-17")
def test_a_recipient_that_is_not_declared_gets_nothing_and_the_error_says_what_to_do():
    with pytest.raises(gate.Undeclared, match="'advertising' is no disclosure of the policy: declare it"):
        gate.declared("advertising", MAIL)


ADVERTISING = {"dpv:Advertising", "dpv:PersonalisedAdvertising", "dpv:DirectMarketing"}


@pytest.mark.promise("TT-17")
@pytest.mark.parametrize("name", ["house", "tiertime"])
def test_nobody_gets_anything_for_advertising_but_who_carries_the_mail(name):
    pack = load(find(name))
    activities = {key: a for key, a in pack.activities.items() if a.dpv in ADVERTISING}
    assert activities
    getting = {party for activity in activities.values() for party in activity.recipients}
    getting |= {
        disclosure.to for disclosure in pack.disclosures.values() if disclosure.activity in activities
    }
    assert getting == {"mail_server"}


@pytest.mark.promise("TT-16", part="mail server, guest and bridge; the other recipients have no code yet")
def test_what_is_sent_is_exactly_what_is_declared():
    with pytest.raises(gate.Undeclared, match="would send birthday, which the policy does not list"):
        gate.declared("mail", {**MAIL, "birthday": "x"})
    with pytest.raises(gate.Undeclared, match="does not send text: the policy must not list it"):
        gate.declared("mail", {key: MAIL[key] for key in ("to", "subject")})


@pytest.fixture
def mail_server(monkeypatch):
    changed = dataclasses.replace(settings.GLASSBED, smtp_url="smtp://mail.example.org")
    monkeypatch.setattr(settings, "GLASSBED", changed)


@pytest.mark.usefixtures("mail_server")
def test_the_gate_names_the_server_and_hands_over_what_was_declared():
    sent = []
    gate.hand_over("mail", MAIL, lambda server, fields: sent.append((server, fields)))
    assert sent == [("smtp://mail.example.org", MAIL)]


@pytest.mark.parametrize(
    ("way", "to", "fields"),
    [
        ("mail", "mail_server", {**MAIL, "birthday": "x"}),
        ("mail", "tracker", MAIL),
        ("other", "mail_server", MAIL),
    ],
)
@pytest.mark.usefixtures("mail_server")
def test_what_is_not_declared_or_has_no_known_server_is_not_handed_over(monkeypatch, way, to, fields):
    pack = settings.GLASSBED_PACK
    mail = msgspec.structs.replace(pack.disclosures["mail"], to=to)
    changed = msgspec.structs.replace(pack, disclosures={**pack.disclosures, "mail": mail})
    monkeypatch.setattr(settings, "GLASSBED_PACK", changed)
    sent = []
    with pytest.raises(gate.Undeclared):
        gate.hand_over(way, fields, lambda *handed: sent.append(handed))
    assert sent == []


def test_without_a_server_nothing_is_handed_over():
    sent = []
    with pytest.raises(gate.Undeclared, match="knows no server"):
        gate.hand_over("mail", MAIL, lambda *handed: sent.append(handed))
    assert sent == []


def test_nobody_but_the_gate_opens_a_way():
    sources = Path(glassbed.__file__).parent.rglob("*.py")
    opening = re.compile(r"outbound\.opened|from glassbed\.foundation\.outbound import .*\bopened\b")
    assert [path.name for path in sources if opening.search(path.read_text())] == ["gate.py"]


@pytest.mark.integration
def test_a_disclosure_stands_in_the_record_of_its_person_as_ids_and_words_of_the_policy(servers):
    person = people.make_person()
    with purpose("mailing"):
        gate.record("mail", MAIL, person=person.pk, mail="0190")
    with purpose("own_data", person=person.pk):
        note = LedgerNote.objects.get(kind="disclosed")
    assert note.payload == {"way": "mail", "to": "mail_server", "categories": "mail", "mail": "0190"}


# -- the guard, which a process can't take off again, so each in a process of its own --------------------------


def guarded(body, *servers):
    """Run code in a process that is guarded, and return what it printed."""
    code = f"""
    import socket, urllib.request
    from glassbed.foundation import outbound
    outbound.guard(*{servers!r})
    def refused(do):
        try:
            do()
        except outbound.Undeclared as error:
            return str(error)
        except OSError as error:
            return "reached the system: " + type(error).__name__
        return "passed"
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code) + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.promise("AC-18", part="mail server, guest and bridge; the other recipients have no code yet")
def test_a_connection_to_elsewhere_fails_and_names_what_is_missing(listening):
    body = f"""
    print(refused(lambda: socket.create_connection(("127.0.0.1", {listening}), timeout=5)))
    print(refused(lambda: urllib.request.urlopen("http://127.0.0.1:{listening}/", timeout=5)))
    print(refused(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {listening}))))
    print(refused(lambda: socket.getaddrinfo("tracker.example", 443)))
    print(refused(lambda: socket.gethostbyname("tracker.example")))
    print(refused(lambda: socket.gethostbyaddr("secret.tracker.example")))
    print(refused(lambda: socket.gethostbyaddr("192.0.2.1")))
    print(refused(lambda: socket.getfqdn("secret.tracker.example")))
    print(refused(lambda: socket.getnameinfo(("192.0.2.1", 443), 0)))
    """
    lines = guarded(body).splitlines()
    assert len(lines) == 9
    for line in lines:
        assert "no disclosure of the policy is open for it" in line


def test_an_http_library_fails_too(listening):
    body = f"""
    import asyncio, aiohttp
    async def ask():
        async with aiohttp.ClientSession() as session:
            await session.get("http://127.0.0.1:{listening}/")
    print(refused(lambda: asyncio.run(ask())))
    """
    assert "no disclosure of the policy is open" in guarded(body)


def test_ones_own_servers_are_reached_and_only_on_their_port(listening):
    body = f"""
    print(refused(lambda: socket.create_connection(("127.0.0.1", {listening}), timeout=5)))
    print(refused(lambda: socket.create_connection(("localhost", {listening}), timeout=5)))
    print("no disclosure" in refused(lambda: socket.create_connection(("127.0.0.1", {listening + 1}), timeout=5)))
    """
    lines = guarded(body, f"nats://localhost:{listening}").splitlines()
    assert lines == ["passed", "passed", "True"]


def test_a_socket_of_the_machine_itself_is_no_way_out(tmp_path):
    body = f"""
    print(refused(lambda: socket.socket(socket.AF_UNIX).connect({str(tmp_path / "none")!r})))
    """
    assert guarded(body) == "reached the system: FileNotFoundError"


def test_an_open_way_leads_to_its_recipient_alone_and_closes_again(listening, tmp_path):
    body = f"""
    connect = lambda port: socket.create_connection(("127.0.0.1", port), timeout=5)
    with outbound.opened("smtp://127.0.0.1:{listening}"):
        print(refused(lambda: connect({listening})))
        print("no disclosure" in refused(lambda: connect({listening + 1})))
    print("no disclosure" in refused(lambda: connect({listening})))
    """
    assert guarded(body).splitlines() == ["passed", "True", "True"]


def test_a_way_inside_a_way_leaves_the_outer_one_open(listening):
    body = f"""
    connect = lambda: socket.create_connection(("127.0.0.1", {listening}), timeout=5)
    with outbound.opened("smtp://127.0.0.1:{listening}"):
        with outbound.opened("smtp://127.0.0.1:{listening + 1}"):
            print(refused(connect))
        print(refused(connect))
    """
    assert guarded(body).splitlines() == ["passed", "passed"]


def test_what_is_started_inside_a_way_does_not_have_it_then_or_later(listening):
    """A thread and a task inherit the context in which the way is open."""
    body = f"""
    import asyncio, contextvars, threading
    connect = lambda: socket.create_connection(("127.0.0.1", {listening}), timeout=5)
    told = lambda: print("no disclosure" in refused(connect))
    async def task(left=None):
        if left:
            await left.wait()
        told()
    async def main():
        left = asyncio.Event()
        with outbound.opened("smtp://127.0.0.1:{listening}"):
            await asyncio.to_thread(told)
            await asyncio.create_task(task())
            late = asyncio.create_task(task(left))
            print(refused(connect))
        left.set()
        await late
    asyncio.run(main())
    with outbound.opened("smtp://127.0.0.1:{listening}"):
        kept = contextvars.copy_context()
    kept.run(told)
    """
    assert guarded(body).splitlines() == ["True", "True", "passed", "True", "True"]


def test_no_program_is_started_from_here():
    body = """
    import os, subprocess
    print(refused(lambda: subprocess.run(["true"])))
    print(refused(lambda: os.system("true")))
    print(refused(lambda: os.posix_spawn("/bin/true", ["true"], {})))
    print(refused(lambda: os.execv("/bin/true", ["true"])))
    """
    lines = guarded(body).splitlines()
    assert len(lines) == 4
    for line in lines:
        assert "no disclosure of the policy is open for it" in line


@pytest.mark.parametrize("attempt", ["outbound.WATCHED.clear()", "outbound.WATCHED = {}"])
def test_what_is_watched_does_not_change_any_more(attempt):
    body = f"""
    try:
        {attempt}
    except AttributeError:
        pass
    print("no disclosure" in refused(lambda: socket.getaddrinfo("tracker.example", 443)))
    """
    assert guarded(body) == "True"


# -- what the guard decides, without a process of its own: an audit hook is not seen by what measures coverage --------


@pytest.fixture
def hook(monkeypatch):
    """The guard as it would be put up, without putting it up."""
    found = []
    monkeypatch.setattr(sys, "addaudithook", found.append)
    monkeypatch.setattr(outbound, "_stands", False)
    outbound.guard("nats://localhost:4222")
    assert outbound.stands()
    return found[0]


def passes(hook, event, *arguments):
    try:
        hook(event, arguments)
    except outbound.Undeclared:
        return False
    return True


def test_the_guard_lets_pass_what_leads_to_ones_own_server_and_nothing_else(hook):
    with socket.socket() as inet, socket.socket(socket.AF_UNIX) as local:
        assert passes(hook, "open", "/etc/hostname")
        assert passes(hook, "socket.connect", local, "/run/any")
        assert passes(hook, "socket.sendto", inet, None)
        assert passes(hook, "socket.connect", inet, ("127.0.0.1", 4222))
        assert not passes(hook, "socket.connect", inet, ("127.0.0.1", 4223))
        assert not passes(hook, "socket.connect", inet, ("192.0.2.1", 4222))


def test_the_guard_lets_names_be_asked_for_that_lead_to_ones_own_server(hook):
    assert passes(hook, "socket.getaddrinfo", "localhost", 4222, 0, 0, 0)
    assert passes(hook, "socket.getaddrinfo", b"localhost", 4222, 0, 0, 0)
    assert passes(hook, "socket.getaddrinfo", None, 4222, 0, 0, 0)
    assert passes(hook, "socket.getaddrinfo", "::1", 4222, 0, 0, 0)
    assert not passes(hook, "socket.getaddrinfo", "tracker.example", 443, 0, 0, 0)
    assert not passes(hook, "socket.gethostbyname", "tracker.example")
    assert passes(hook, "socket.gethostbyaddr", "localhost")
    assert not passes(hook, "socket.gethostbyaddr", "127.0.0.1")
    assert passes(hook, "socket.getnameinfo", ("localhost", 4222))
    assert not passes(hook, "socket.getnameinfo", ("192.0.2.1", 4222))


def test_the_guard_lets_no_program_be_started(hook):
    assert not passes(hook, "subprocess.Popen", "curl", ["curl"], None, None)
    assert not passes(hook, "os.system", b"curl")


def test_the_guard_knows_an_open_way_until_it_is_closed(hook):
    with socket.socket() as inet:
        with outbound.opened("smtp://127.0.0.1:2525"):
            assert passes(hook, "socket.connect", inet, ("127.0.0.1", 2525))
        assert not passes(hook, "socket.connect", inet, ("127.0.0.1", 2525))


def test_a_server_whose_name_leads_nowhere_has_no_addresses(monkeypatch):
    def nowhere(*_):
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    assert not outbound.Place("gone.example", 25).has("192.0.2.1", 25)
    assert outbound.Place("gone.example", 25).has("gone.example", 25)
