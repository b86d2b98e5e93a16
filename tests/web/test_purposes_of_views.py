"""Whatever asks the database says why: every view, every chore of the worker, every path of the recorder."""

import pytest
from django.core.checks import run_checks

from glassbed.foundation.purpose import NO_DATA, TECHNICAL, declared_purpose
from glassbed.policy.program import PURPOSES
from glassbed.web import checks
from glassbed.web.checks import patterns

pytestmark = pytest.mark.integration

VIEWS = [(route, pattern.callback) for route, pattern in patterns()]


@pytest.mark.parametrize(("route", "view"), VIEWS)
def test_a_view_has_a_purpose_of_the_web(route, view):
    name = declared_purpose(view)
    assert name in {NO_DATA, TECHNICAL} or "web" in PURPOSES[name].surfaces


@pytest.mark.parametrize(("route", "view"), VIEWS)
def test_a_view_that_reaches_everyone_is_one_of_few(route, view):
    """Each of them looks up rows by a proof: a password, a code, a link, a key. Add one here with its reason."""
    name = declared_purpose(view)
    if name in {NO_DATA, TECHNICAL} or PURPOSES[name].reach in {"own", "self"}:
        return
    assert route.startswith(
        ("accounts/", "welcome/", "bridge/", "bridges/pair", "bridges/local", "invitations/")
    ) or (route in {"outbox/", "printers/<uuid:printer_id>/leave/", "desk/", "desk/news/"})


def test_a_view_of_ours_is_for_who_is_signed_in_unless_it_says_otherwise():
    open_to_all = {
        route for route, view in VIEWS if view.__module__.startswith("glassbed") and not view.signed_in
    }
    assert open_to_all == {
        *("", "welcome/<str:token>/", "invitations/<str:token>/", "privacy/", "outbox/"),
        *(
            "privacy/choices/",
            "privacy/unsubscribe/<str:token>/",
            "privacy/notice/",
            "privacy/versions/<slug:digest>/",
            "privacy/terms/",
            "privacy/cookies/",
            "privacy/recipients/",
            "privacy/transfers/",
        ),
        *("privacy/features/<slug:feature>/", "privacy/transfers/<slug:party>/", "privacy/versions/"),
        *("privacy/activities/<slug:activity>/", "privacy/activities/<slug:activity>.txt", "privacy/record/"),
        *("privacy/record.csv", "privacy/record.xlsx", "privacy/record.json", ".well-known/change-password"),
        *(".well-known/gpc.json", ".well-known/security.txt", ".well-known/policy.json"),
        ".well-known/policy.jsonld",
        *("bridge/pair", "bridge/pair/<uuid:pairing_id>", "bridge/ticket", "bridge/files/<uuid:print_id>"),
        *(".well-known/glassbed-ca.pem", ".well-known/glassbed-ledger.json"),
    }


def test_a_view_without_a_purpose_stops_the_start(monkeypatch):
    route, pattern = next(patterns())

    def forgotten(request):
        return None

    forgotten.__module__ = "elsewhere"
    other = type(pattern)(pattern.pattern, forgotten)
    monkeypatch.setattr(checks, "patterns", lambda: [(route, other)])
    assert [fault.id for fault in run_checks(tags=["glassbed"])] == ["glassbed.E002"]


def opened_by(monkeypatch, work):
    """Purposes that a piece of work opens."""
    from glassbed.foundation import purpose as module

    found, opened = [], module._opened

    def listen(name, role, person):
        found.append(name)
        return opened(name, role, person)

    monkeypatch.setattr(module, "_opened", listen)
    work()
    return set(found)


def test_every_chore_has_the_purposes_that_are_written_down_here(servers, monkeypatch):
    from glassbed.processes.worker import chores

    written = {
        "seal_ledger": {"accountability"},
        "deliver_mail": set(),
        "verify_controls": {"verifying", "accountability"},
        "tidy": {"tidying"},
        "sweep_blobs": {"technical", "tidying"},
    }
    with servers.surface("worker"):
        assert {chore.name: opened_by(monkeypatch, chore.do) for chore in chores()} == written


def test_every_event_is_recorded_for_its_purpose(servers, monkeypatch):
    from typing import get_args

    from glassbed.processes import recorder
    from glassbed.protocol import messages, subjects
    from glassbed.protocol.ids import uuid7

    sample = {
        messages.PrintStarted: messages.PrintStarted(print_id=str(uuid7()), file_name="x", started_at=1.0),
        messages.PrintEnded: messages.PrintEnded(print_id=str(uuid7()), ended_at=1.0, outcome="failed"),
        messages.TraceChunk: messages.TraceChunk(print_id=str(uuid7()), minute=0, samples=b""),
        messages.Connected: messages.Connected(
            connection_id=str(uuid7()), since=1.0, facts=messages.HostFacts()
        ),
        messages.Disconnected: messages.Disconnected(connection_id=str(uuid7()), until=1.0),
        messages.Fault: messages.Fault(at=1.0, message="x"),
    }
    assert set(sample) == set(get_args(messages.Happening))
    with servers.surface("recorder"):
        for what in sample.values():
            event = messages.Event(id=str(uuid7()), printer=str(uuid7()), what=what)
            asked = messages.encode(subjects.ToRecord(bridge=str(uuid7()), event=event))
            opened = opened_by(monkeypatch, lambda asked=asked: recorder._keep([asked]))
            assert opened == {"recording"}, type(what)
