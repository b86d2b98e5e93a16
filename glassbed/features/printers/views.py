"""Binding, controlling, sharing and removing printers; bridges. Pages that span features are in web/."""

import time
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from glassbed.features.accounts.request import SignedIn
from glassbed.features.printers import actions, queries, rules
from glassbed.features.printers.forms import BindAgainForm, BindForm, InviteForm, PrinterForm
from glassbed.features.printers.models import Invitation, Share
from glassbed.foundation.purpose import for_purpose, purpose
from glassbed.policy.binding import Level
from glassbed.protocol import messages as protocol
from glassbed.protocol.errors import GlassbedError, Invalid, NotAllowed, NotFound, Unavailable
from glassbed.protocol.tickets import LIFETIME_S, ViewerTicket, sign

WATCHED_LIMIT = 500


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a request for a viewer's ticket."""

    printers: tuple[UUID, ...]


@for_purpose("printing")
@require_POST
def live_ticket(request: SignedIn) -> HttpResponseBase:
    """Give the page a ticket for those of the printers that the person may watch."""
    try:
        wanted = msgspec.json.decode(request.body, type=Wanted)
    except msgspec.DecodeError as error:
        raise Invalid from error
    issued_at = time.time()  # before the look-up, so that access taken meanwhile makes the ticket stale
    asked = frozenset(wanted.printers[:WATCHED_LIMIT])
    allowed = list(queries.printers().filter(pk__in=asked).values_list("id", flat=True))
    if wanted.printers and not allowed:  # the page says that its live view has ended
        raise NotAllowed
    ticket = ViewerTicket(
        person=str(request.user.pk),
        session=str(request.session.public_id),
        printers=tuple(map(str, allowed)),
        issued_at=issued_at,
        expires_at=issued_at + LIFETIME_S,
    )
    return JsonResponse({"ticket": sign(ticket, queries.tickets_secret()), "lost": len(allowed) < len(asked)})


@for_purpose("printing", opens=False)
@require_POST
def control(request: SignedIn, printer_id: UUID, kind: str) -> HttpResponseBase:
    """Give a printer a command. For htmx the answer is empty: the state follows live."""
    actions.give(request.user.pk, printer_id, kind)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return redirect("printer", printer_id)


# -- binding -------------------------------------------------------------------------------------------


@for_purpose("printing", opens=False)
@require_http_methods(["GET", "POST"])
def add(request: SignedIn) -> HttpResponseBase:
    """Bind a printer host. Between the form and the printer the bridge tries the host."""
    person = request.user.pk
    with purpose("printing", person=person):
        form = BindForm(
            request.POST or None, initial={"driver": request.GET.get("driver"), **_found(request)}
        )
        is_valid = request.method == "POST" and form.is_valid()
        bridges = list(queries.bridges())
    if is_valid:
        data = form.cleaned_data
        try:
            printer = actions.bind_printer(
                person=person,
                bridge_id=data["bridge"].pk,
                name=data["name"],
                driver=data["driver"],
                address=data["address"],
                key=data["key"],
            )
        except GlassbedError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(name)s is bound.") % {"name": printer.name})
            return redirect("printer", printer.pk)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    with purpose("printing", person=person):
        form.fields["bridge"].queryset = queries.bridges()  # type: ignore[attr-defined]  # a ModelChoiceField
        return render(request, "printers/add.html", {"form": form, "bridges": bridges}, status=status)


def _found(request: SignedIn) -> dict[str, str]:
    return {key: request.GET[key] for key in ("bridge", "driver", "address", "name") if key in request.GET}


@for_purpose("printing", opens=False)
@require_safe
def discover(request: SignedIn, bridge_id: UUID) -> HttpResponseBase:
    """List the printer hosts that announce themselves on the bridge's network."""
    with purpose("printing", person=request.user.pk):
        bridge = queries.bridge(bridge_id)
    try:
        found = actions.send(bridge.pk, protocol.Discover(), printer=None).found
    except Unavailable:  # often just adopted and on its way: the list asks again by itself
        return render(request, "printers/found.html", {"bridge": bridge, "is_away": True})
    return render(request, "printers/found.html", {"bridge": bridge, "found": found or ()})


@for_purpose("printing", opens=False)
@require_POST
def ask_key(request: SignedIn) -> HttpResponseBase:
    """Ask a host to let somebody there grant a key; the bridge keeps it for the next try to bind."""
    with purpose("printing", person=request.user.pk):
        form = BindForm(request.POST)
        form.full_clean()
        data: dict[str, Any] = form.cleaned_data
    if not {"bridge", "driver", "address"} <= data.keys():
        raise Invalid(_("Choose a bridge and a printer host, and enter its address first."))
    order = protocol.AskKey(driver=data["driver"], address=data["address"])
    result = actions.send(data["bridge"].pk, order, printer=None)
    if result.outcome is not protocol.Outcome.ACCEPTED:
        raise Invalid(result.reason or Invalid.__doc__)
    return render(request, "printers/ask_key.html", {"decide_at": result.key})


@for_purpose("printing")
@require_http_methods(["GET", "POST"])
def edit(request: SignedIn, printer_id: UUID) -> HttpResponseBase:
    """A printer's settings: name, what is kept, who may use it."""
    printer = queries.printer(printer_id)
    person = request.user.pk
    rules.require(queries.level(printer, person), Level.OWNER)
    form = PrinterForm(request.POST or None, instance=printer)
    if request.method == "POST" and form.is_valid():
        actions.change_printer(printer, person, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("printer_edit", printer_id)
    return _edit_page(request, printer_id, form)


@for_purpose("printing", opens=False)
@require_POST
def bind_again(request: SignedIn, printer_id: UUID) -> HttpResponseBase:
    """Let the bridge try another address or key of a bound printer, or another bridge try it."""
    person = request.user.pk
    with purpose("printing", person=person):
        rules.require(queries.level(queries.printer(printer_id), person), Level.OWNER)
        form = BindAgainForm(request.POST)
        is_valid = form.is_valid()
    if is_valid:
        data = form.cleaned_data
        try:
            actions.bind_again(
                person, printer_id, bridge_id=data["bridge"].pk, address=data["address"], key=data["key"]
            )
        except GlassbedError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The host answers. The printer is bound to it now."))
            return redirect("printer_edit", printer_id)
    with purpose("printing", person=person):
        form.fields["bridge"].queryset = queries.bridges()  # type: ignore[attr-defined]  # a ModelChoiceField
        answer = _edit_page(
            request, printer_id, PrinterForm(instance=queries.printer(printer_id)), bind_form=form
        )
    answer.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    return answer


def _edit_page(
    request: SignedIn,
    printer_id: UUID,
    form: PrinterForm,
    *,
    link: str = "",
    bind_form: BindAgainForm | None = None,
) -> HttpResponseBase:
    printer = queries.printer(printer_id)
    shares = list(Share.objects.filter(printer=printer_id).order_by("created_at"))
    names = queries.names(share.person_id for share in shares)
    context = {
        "printer": printer,
        "form": form,
        "bind_form": bind_form
        or BindAgainForm(initial={"bridge": printer.bridge_id, "address": printer.address}),
        "has_bridge": queries.bridges().exists(),
        "invite_form": InviteForm(),
        "invitation": link,
        "shares": [{"share": share, "name": names.get(share.person_id, "")} for share in shares],
        "invitations": Invitation.objects.filter(printer=printer_id).order_by("created_at"),
    }
    return render(request, "printers/edit.html", context)


@for_purpose("printing")
@require_POST
def remove(request: SignedIn, printer_id: UUID) -> HttpResponseBase:
    printer = queries.printer(printer_id)
    name = printer.name
    actions.remove_printer(printer, request.user.pk)
    messages.success(request, _("%(name)s and its history are removed.") % {"name": name})
    return redirect("printers")


# -- sharing -------------------------------------------------------------------------------------------


@for_purpose("printing")
@require_POST
def invite(request: SignedIn, printer_id: UUID) -> HttpResponseBase:
    """Make an invitation and show its link, once."""
    printer = queries.printer(printer_id)
    form = InviteForm(request.POST)
    if not form.is_valid():
        raise Invalid
    token = actions.invite(printer, request.user.pk, Level(form.cleaned_data["level"]))
    link = settings.GLASSBED.public_url + reverse("invitation", args=[token])
    return _edit_page(request, printer_id, PrinterForm(instance=printer), link=link)


@for_purpose("printing")
@require_POST
def withdraw_invitation(request: SignedIn, invitation_id: UUID) -> HttpResponseBase:
    invitation = Invitation.objects.filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound
    printer_id = invitation.printer_id
    invitation.delete()
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("printer_edit", printer_id)


@for_purpose("printing")
@require_POST
def end_share(request: SignedIn, share_id: UUID) -> HttpResponseBase:
    """The owner ends a share; whatever that person watches stops at once."""
    share = Share.objects.filter(pk=share_id, owner=request.user.pk).first()
    if share is None:
        raise NotFound
    printer_id = share.printer_id
    actions.end_share(share, request.user.pk)
    messages.success(request, _("The share has ended."))
    return redirect("printer_edit", printer_id)


@for_purpose("printing")
@require_POST
def leave(request: SignedIn, printer_id: UUID) -> HttpResponseBase:
    """Give a shared printer back."""
    share = Share.objects.filter(printer=printer_id, person=request.user.pk).first()
    if share is None:
        raise NotFound
    actions.end_share(share, request.user.pk)
    messages.success(request, _("You no longer use this printer."))
    return redirect("printers")
