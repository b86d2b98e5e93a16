"""Pages where the right to a row is a code or a link: pairing a bridge, accepting an invitation."""

import time
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from glassbed.features.accounts.models import INVITED, INVITED_S, Person, Profile
from glassbed.features.accounts.request import SignedIn, Visit
from glassbed.features.printers import actions, pairing, queries
from glassbed.features.printers.forms import CodeForm
from glassbed.features.printers.models import Invitation, Pairing
from glassbed.foundation.purpose import for_purpose, purpose
from glassbed.protocol.comparison import comparison_words
from glassbed.protocol.errors import NotAllowed, NotFound


@for_purpose("printing", opens=False)
@require_safe
def bridges(request: SignedIn) -> HttpResponseBase:
    """One's bridges; for the operator also the one of this machine, while it is nobody's."""
    local = None
    if request.user.is_operator:
        with purpose("pairing", person=request.user.pk):
            local = queries.waiting_local_bridges().first()
    with purpose("printing", person=request.user.pk):
        mine = queries.bridges().prefetch_related("printers")
        return render(request, "printers/bridges.html", {"bridges": mine, "local_bridge": local})


@for_purpose("printing")
@require_POST
def revoke(request: SignedIn, bridge_id: UUID) -> HttpResponseBase:
    actions.revoke_bridge(queries.bridge(bridge_id), request.user.pk)
    messages.success(request, _("The bridge has lost its rights and is disconnected."))
    return redirect("bridges")


@for_purpose("pairing")
@require_http_methods(["GET", "POST"])
def pair(request: SignedIn) -> HttpResponseBase:
    """Type a bridge's code, see what it will see, approve or refuse."""
    form = CodeForm(request.POST or ({"code": request.GET["code"]} if "code" in request.GET else None))
    found: Pairing | None = None
    if form.is_bound and form.is_valid():
        try:
            found = pairing.by_code(form.cleaned_data["code"], as_of=timezone.now())
        except NotFound:
            form.add_error(
                "code",
                _("No bridge shows this code now. Look at the bridge; a code is good for ten minutes."),
            )
    if found is None or request.method == "GET":
        words = comparison_words(bytes(found.public_key)) if found else ""
        return render(request, "printers/pair.html", {"form": form, "pairing": found, "words": words})
    if "refuse" in request.POST:
        actions.refuse_pairing(found, as_of=timezone.now())
        messages.info(request, _("The bridge was refused."))
    else:
        bridge = actions.approve_pairing(
            found, request.user.pk, name=request.POST.get("name", "")[:60], as_of=timezone.now()
        )
        messages.success(request, _("%(name)s is your bridge now.") % {"name": bridge.name})
    return redirect("bridges")


@for_purpose("pairing")
@require_POST
def adopt_local(request: SignedIn) -> HttpResponseBase:
    """The operator makes the bridge on the server's own machine theirs."""
    if not request.user.is_operator:
        raise NotAllowed
    if actions.adopt_local_bridge(request.user.pk, as_of=timezone.now()) is None:
        raise NotFound(_("The bridge of this machine does not wait to be adopted. Is it running?"))
    messages.success(request, _("The bridge on this machine is yours now."))
    return redirect("printer_add")


@for_purpose("sharing", signed_in=False)
@require_http_methods(["GET", "POST"])
def invitation(request: Visit, token: str) -> HttpResponseBase:
    """Say what is offered before it is accepted. Who has no account yet may open one with it."""
    if request.method == "POST" and isinstance(request.user, Person):
        printer = actions.accept_invitation(token, request.user.pk, as_of=timezone.now())
        return redirect("printer", printer.pk)
    offered = (
        Invitation.objects.select_related("printer")
        .filter(token_hash=actions.hashed(token), expires_at__gt=timezone.now())
        .first()
    )
    if offered is None:
        raise NotFound(_("This invitation was used, withdrawn, or is too old. Ask for a new one."))
    if not isinstance(request.user, Person):
        request.session[INVITED] = time.time() + INVITED_S
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
    owner = Profile.objects.filter(person=offered.owner_id).first()
    return render(request, "printers/invitation.html", {"invitation": offered, "owner": owner})
