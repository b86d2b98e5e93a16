"""The queue of a printer, the history, and the file that a bridge fetches for a print."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from glassbed.features.accounts.request import SignedIn
from glassbed.features.jobs import actions, queries
from glassbed.features.jobs.models import Print
from glassbed.features.library import queries as library
from glassbed.features.library.views import streamed
from glassbed.features.printers import queries as printers
from glassbed.foundation import gate
from glassbed.foundation.keys import data_key
from glassbed.foundation.purpose import for_purpose, purpose
from glassbed.protocol.errors import Conflict, GlassbedError, NotAllowed, NotFound, Unavailable
from glassbed.protocol.tickets import read_bridge

PAGE = 30


@for_purpose("printing")
@require_safe
def history(request: SignedIn) -> HttpResponseBase:
    """What was printed, of all printers or of one."""
    rows = queries.history()
    chosen = None
    if printer_id := request.GET.get("printer"):
        try:
            chosen = printers.printer(UUID(printer_id))
        except ValueError as error:
            raise NotFound from error
        rows = rows.filter(printer=chosen)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(
        request, "jobs/history.html", {"page": page, "chosen": chosen, "printers": printers.printers()}
    )


@for_purpose("printing", opens=False)
@require_POST
def add(request: SignedIn, printer_id: UUID) -> HttpResponseBase:
    """Queue a file; with `now`, start it at once. Where nothing was sent it does not stay in the queue.

    Whatever else went wrong, the bridge may have begun it: then it waits, until what the bridge reports finds it.
    """
    person = request.user.pk
    with purpose("printing", person=person):
        try:
            file = library.file(UUID(request.POST.get("file", "")))
        except ValueError as error:
            raise NotFound from error
        added = actions.add_to_queue(printers.printer(printer_id), file, person)
    if "now" in request.POST and isinstance(_start(request, added.pk), Unavailable):
        with purpose("printing", person=person), suppress(Conflict):  # reported as begun meanwhile
            actions.take_from_queue(queries.print_(added.pk), person)
    return _answer(request, printer_id)


@for_purpose("printing", opens=False)
@require_POST
def start(request: SignedIn, print_id: UUID) -> HttpResponseBase:
    with purpose("printing", person=request.user.pk):
        printer_id = queries.print_(print_id).printer_id
    _start(request, print_id)
    return _answer(request, printer_id)


def _start(request: SignedIn, print_id: UUID) -> GlassbedError | None:
    """Start a print; return what went wrong, which is told on the page."""
    try:
        actions.start(print_id, request.user.pk)
    except GlassbedError as error:
        messages.error(request, str(error))
        return error
    return None


@for_purpose("printing")
@require_POST
def move(request: SignedIn, print_id: UUID) -> HttpResponseBase:
    """Move a waiting print before another one (`before`), or to the end."""
    waiting = queries.print_(print_id)
    before = request.POST.get("before")
    try:
        actions.move_in_queue(
            waiting, request.user.pk, before=queries.print_(UUID(before)) if before else None
        )
    except ValueError as error:
        raise NotFound from error
    return _answer(request, waiting.printer_id)


@for_purpose("printing")
@require_POST
def take(request: SignedIn, print_id: UUID) -> HttpResponseBase:
    waiting = queries.print_(print_id)
    printer_id = waiting.printer_id
    actions.take_from_queue(waiting, request.user.pk)
    return _answer(request, printer_id)


@for_purpose("printing")
@require_POST
def again(request: SignedIn, print_id: UUID) -> HttpResponseBase:
    added = actions.print_again(queries.print_(print_id), request.user.pk)
    messages.success(request, _("%(name)s waits in the queue.") % {"name": added.file_name})
    return redirect("printer", added.printer_id)


@for_purpose("printing")
@require_POST
def remove(request: SignedIn, print_id: UUID) -> HttpResponseBase:
    actions.remove_from_history(queries.print_(print_id), request.user.pk)
    messages.success(request, _("The print is removed from the history."))
    return redirect("history")


def _answer(request: SignedIn, printer_id: UUID | None) -> HttpResponseBase:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"HX-Refresh": "true"})
    return redirect("printer", printer_id)


@for_purpose("relaying", signed_in=False)
@require_safe
def bridge_file(request: HttpRequest, print_id: UUID) -> HttpResponseBase:
    """Hand a bridge the file of a print that was ordered from it, and of no other."""
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    try:
        ticket = read_bridge(text, printers.tickets_secret(), time.time())
    except NotAllowed as error:
        return JsonResponse({"error": str(error)}, status=HTTPStatus.UNAUTHORIZED)
    wanted = (
        Print.objects.select_related("file", "printer")
        .filter(
            pk=print_id,
            state=Print.State.SENDING,
            printer__bridge=UUID(ticket.bridge),
            printer__bridge__revoked_at=None,
            file__isnull=False,
        )
        .first()
    )
    if scheme != "Bearer" or wanted is None or wanted.file is None:
        raise NotFound
    file = wanted.file
    gate.record("file", {"print": wanted.pk, "file": file.pk}, person=file.owner_id, print=wanted.pk)
    answer = streamed(file.pk, file.name, file.size_bytes, data_key(file.owner_id))
    if not wanted.printer.keep_history:
        chunks = cast("Iterable[bytes]", answer.streaming_content)
        answer.streaming_content = _forgotten_afterwards(chunks, wanted)
    return answer


def _forgotten_afterwards(chunks: Iterable[bytes], handed_over: Print) -> Iterator[bytes]:
    """Hand over a file, then forget its print: no report will ever end it."""
    try:
        yield from chunks
    finally:
        with purpose("printing", person=handed_over.person_id):
            actions.forget_unrecorded(handed_over)
