"""What stands between granian and Django: cookies joined, slow clients off the threads."""

import asyncio
import dataclasses

import instance
import pytest
from asgi import Client
from cryptography import x509
from django.core import checks

from glassbed.processes import authority, patience, web
from glassbed.processes.web import with_one_cookie_header


def scope(path="/", headers=()):
    return {"type": "http", "path": path, "headers": list(headers)}


def test_cookies_that_came_one_by_one_are_joined_with_semicolons():
    given = scope(headers=[(b"cookie", b"a=1"), (b"host", b"x"), (b"cookie", b"b=2")])
    assert with_one_cookie_header(given)["headers"] == [(b"host", b"x"), (b"cookie", b"a=1; b=2")]


def test_a_single_cookie_header_stays_as_it_is():
    given = scope(headers=[(b"cookie", b"a=1, 2"), (b"host", b"x")])
    assert with_one_cookie_header(given) is given


def part(body, *, more):
    return {"type": "http.request", "body": body, "more_body": more}


async def echo(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    await patience.answer(send, 200, body)


async def test_a_small_body_reaches_the_page_whole():
    client = Client(part(b"one ", more=True), part(b"two", more=False))
    await patience.unhurried(echo, echo, [])(scope(), client.receive, client.send)
    assert client.status == 200
    assert client.answers[1]["body"] == b"one two"


async def test_a_body_that_stops_half_way_takes_no_thread(monkeypatch):
    monkeypatch.setattr(patience, "SMALL_BODY_S", 0.05)
    reached = []

    async def page(scope, receive, send):
        reached.append(scope)

    client = Client(part(b"{", more=True))
    await patience.unhurried(page, page, [])(scope("/bridge/pair"), client.receive, client.send)
    assert client.status == 408
    assert not reached


async def test_a_body_too_large_for_its_address_is_refused():
    client = Client(part(b"x" * (patience.SMALL_BYTES + 1), more=False))
    await patience.unhurried(echo, echo, [])(scope(), client.receive, client.send)
    assert client.status == 413


async def test_an_upload_may_be_large_and_must_keep_moving(monkeypatch):
    monkeypatch.setattr(patience, "STALL_S", 0.05)
    large = Client(part(b"x" * (patience.SMALL_BYTES + 1), more=True), part(b"y", more=False))
    await patience.unhurried(echo, echo, [])(scope("/files/upload/"), large.receive, large.send)
    assert len(large.answers[1]["body"]) == patience.SMALL_BYTES + 2

    stalled = Client(part(b"x", more=True))
    with pytest.raises(patience.Stalled):
        await patience.unhurried(echo, echo, [])(scope("/files/upload/"), stalled.receive, stalled.send)


async def test_a_reader_that_takes_nothing_is_let_go(monkeypatch):
    monkeypatch.setattr(patience, "STALL_S", 0.05)

    async def never(message):
        await asyncio.Event().wait()

    client = Client(part(b"", more=False))
    with pytest.raises(patience.Stalled):
        await patience.unhurried(echo, echo, [])(scope(), client.receive, never)


@pytest.fixture
def configured(monkeypatch):
    """The web process with other settings."""

    def change(*, secure=False, **changed):
        config = dataclasses.replace(instance.settings.GLASSBED, **changed)
        monkeypatch.setattr(instance.settings, "GLASSBED", config)
        monkeypatch.setattr(instance.settings, "SECURE", secure)

    return change


def test_it_takes_no_arguments(capsys):
    assert web.main(["--port", "80"]) == 2
    assert capsys.readouterr().out == "glassbed web takes no arguments\n"


def test_on_plain_loopback_pages_may_be_opened_by_any_name_of_this_machine(configured):
    configured(listen="127.0.0.1:8400", public_url="http://prints.local:8400")
    assert web.origins() == {
        "http://prints.local:8400",
        "http://localhost:8400",
        "http://127.0.0.1:8400",
    }


def test_behind_encryption_only_the_public_address_is_ours(configured):
    configured(secure=True, listen="127.0.0.1:8400", public_url="https://prints.example")
    assert web.origins() == {"https://prints.example"}


def test_it_encrypts_with_the_given_files_with_its_own_authority_or_not_at_all(configured, tmp_path):
    configured(tls="off")
    assert web.certificate() == (None, None)
    given = tmp_path / "chain.pem", tmp_path / "key.pem"
    configured(tls="files", tls_cert=given[0], tls_key=given[1])
    assert web.certificate() == given
    configured(tls="local", home=tmp_path, public_url="https://prints.example:8443")
    cert, key = web.certificate()
    certificate = x509.load_pem_x509_certificate(cert.read_bytes())
    certificate.verify_directly_issued_by(authority.root_certificate(tmp_path))
    assert key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


async def test_a_fault_of_the_policy_stops_it_before_it_serves(monkeypatch):
    def fault(app_configs, **_):
        return [checks.Error("the table diary has no category")]

    registry = checks.registry.registry
    monkeypatch.setattr(registry, "registered_checks", registry.registered_checks.copy())
    checks.register(fault, "glassbed")
    with pytest.raises(SystemExit, match="the table diary has no category"):
        await web.serve()
