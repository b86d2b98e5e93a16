"""Pages that compose features: the dashboard, a printer, a print, and what belongs to the instance."""

import time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from glassbed.features.accounts import first_link
from glassbed.features.accounts.models import Person
from glassbed.features.accounts.request import SignedIn, Visit
from glassbed.features.jobs import actions as job_actions
from glassbed.features.jobs import queries as jobs
from glassbed.features.library import queries as library
from glassbed.features.library.upload import limit_bytes
from glassbed.features.printers import queries as printers
from glassbed.features.traces import queries as traces
from glassbed.foundation import ledger, mail
from glassbed.foundation.config import is_loopback
from glassbed.foundation.purpose import for_purpose, purpose
from glassbed.policy.binding import Level
from glassbed.protocol.errors import NotAllowed, NotFound
from glassbed.web.origin import comes_from_this_machine

RECENT_PRINTS = 5
CHOICE_OF_FILES = 50
MANY_PRINTERS = 12
"""From here on the dashboard shows small cards: states at a glance, not pictures."""


@for_purpose("printing", signed_in=False, opens=False)
@require_safe
def home(request: Visit) -> HttpResponseBase:
    """The dashboard of who is signed in, else what this is."""
    if isinstance(request.user, Person):
        local = request.user.is_operator and _local_bridge_waits(request.user)
        with purpose("printing", person=request.user.pk):
            return render(request, "pages/dashboard.html", _dashboard(request.user, local_bridge_waits=local))
    with purpose("sign_in"):
        return render(request, "pages/welcome.html", {"is_new": not first_link.was_used()})


def _local_bridge_waits(operator: Person) -> bool:
    with purpose("pairing", person=operator.pk):
        return printers.waiting_local_bridges().exists()


def _dashboard(person: Person, *, local_bridge_waits: bool) -> dict[str, Any]:
    mine = list(printers.printers())
    levels = printers.levels(person.pk, mine)
    under_way, waiting = jobs.under_way_by_printer(), jobs.waiting_by_printer()
    cards = [
        {
            "printer": printer,
            "level": levels[printer.pk],
            "may_control": levels[printer.pk] >= Level.OPERATOR,
            "under_way": under_way.get(printer.pk),
            "waiting": waiting.get(printer.pk, 0),
        }
        for printer in mine
    ]
    cards.sort(key=lambda card: card["under_way"] is None)  # what prints comes first, each part by name
    bridges = list(printers.bridges())
    return {
        "cards": cards,
        "bridges": bridges,
        "can_demo": person.is_operator and (local_bridge_waits or any(b.is_local for b in bridges)),
        "has_demo": any(p.driver == "simulated" for p in mine),
        "recent": list(jobs.history()[:RECENT_PRINTS]),
        "week": jobs.last_week(timezone.now()),
        "is_many": len(cards) > MANY_PRINTERS,
    }


@for_purpose("printing")
@require_safe
def recent_prints(request: SignedIn) -> HttpResponseBase:
    """The dashboard's latest prints alone: fetched again when they change."""
    return render(request, "pages/recent_prints.html", {"recent": list(jobs.history()[:RECENT_PRINTS])})


@for_purpose("printing")
@require_safe
def printer(request: SignedIn, printer_id: UUID) -> HttpResponseBase:
    """A printer: live state, controls, queue, connections, facts."""
    shown = printers.printer(printer_id)
    level = printers.level(shown, request.user.pk)
    context = {
        "printer": shown,
        "level": level,
        "is_owner": level == Level.OWNER,
        "may_control": level >= Level.OPERATOR,
        "connections": printers.connections(shown) if level == Level.OWNER else [],
        "commands": _commands(shown) if level == Level.OWNER else [],
        "files": library.files()[:CHOICE_OF_FILES],
        "limit_bytes": limit_bytes(),
        "chosen_file": request.GET.get("file", ""),
        **_prints_of(shown),
    }
    return render(request, "pages/printer.html", context)


def _commands(shown: Any) -> list[dict[str, Any]]:
    rows = list(printers.commands(shown))
    names = printers.names(row.person_id for row in rows)
    return [{"command": row, "name": names.get(row.person_id, "")} for row in rows]


def _prints_of(shown: Any) -> dict[str, Any]:
    return {
        "under_way": jobs.under_way(shown),
        "queue": list(jobs.queue(shown)),
        "recent": list(jobs.history().filter(printer=shown)[:RECENT_PRINTS]),
    }


@for_purpose("printing")
@require_safe
def printer_prints(request: SignedIn, printer_id: UUID) -> HttpResponseBase:
    """The queue and the latest prints alone: fetched again when they change."""
    shown = printers.printer(printer_id)
    may = printers.level(shown, request.user.pk) >= Level.OPERATOR
    return render(
        request,
        "pages/printer_prints.html",
        {"printer": shown, "may_control": may, "is_fragment": True, **_prints_of(shown)},
    )


@for_purpose("printing")
@require_safe
def print_page(request: SignedIn, print_id: UUID) -> HttpResponseBase:
    done = jobs.print_(print_id)
    context = {
        "print": done,
        "has_trace": traces.exists(print_id),
        "may_remove": job_actions.may_remove(done, request.user.pk),
    }
    return render(request, "pages/print.html", context)


@for_purpose("printing")
@require_safe
def print_trace(request: SignedIn, print_id: UUID) -> HttpResponseBase:
    """The temperatures of a print: seconds since its start, and one list of °C a series."""
    jobs.print_(print_id)
    return JsonResponse(traces.series(print_id))


@for_purpose("printing")
@require_safe
def file_page(request: SignedIn, file_id: UUID) -> HttpResponseBase:
    """A file and where it can be printed."""
    mine = list(printers.printers())
    levels = printers.levels(request.user.pk, mine)
    targets = [p for p in mine if levels[p.pk] >= Level.OPERATOR]
    return render(request, "pages/file.html", {"file": library.file(file_id), "targets": targets})


# -- the instance -----------------------------------------------------------------------------------------


def may_read_outbox(request: HttpRequest) -> bool:
    """Without a mail server: who sits at this machine, while it serves only itself; else the operator, new ones too."""
    if mail.server_is_set():
        return False
    if (
        getattr(request.user, "is_operator", False)
        or request.session.get(first_link.FOUNDER, 0) > time.time()
    ):
        return True
    host = settings.GLASSBED.listen.rpartition(":")[0].strip("[]")
    serves_itself = is_loopback(urlsplit(settings.GLASSBED.public_url).hostname or "") and is_loopback(host)
    return serves_itself and comes_from_this_machine(request) and not settings.GLASSBED.trusted_proxy


@for_purpose("mailing", signed_in=False)
@require_safe
def outbox(request: HttpRequest) -> HttpResponseBase:
    """Mails that can't be sent, because no mail server is set; with one, when the others are tried again."""
    if mail.server_is_set() and getattr(request.user, "is_operator", False):
        return render(request, "pages/undelivered.html", {"mails": mail.undelivered()})
    if not may_read_outbox(request):
        raise NotAllowed
    ledger.note("outbox_read", person=request.user.pk if request.user.is_authenticated else None)
    return render(request, "pages/outbox.html", {"mails": mail.recent()})


@for_purpose("technical", signed_in=False)
@require_safe
def ledger_head(request: HttpRequest) -> HttpResponseBase:
    """The last link of the record of decisions: whoever writes it down can prove later that it was not rewritten."""
    head = ledger.head()
    return JsonResponse({"seq": head.seq, "chain": head.chain, "at": time.time()})


@for_purpose("no_data", signed_in=False)
@require_safe
def authority(request: HttpRequest) -> HttpResponseBase:
    """The root certificate of our own authority, to be trusted by browsers and compared by bridges."""
    file = settings.HOME / "tls" / "root.pem"
    if settings.GLASSBED.tls != "local" or not file.exists():
        raise NotFound
    return HttpResponse(file.read_bytes(), content_type="application/x-pem-file")
