"""The operator's first link, the profile, and one's sessions. Signing in and up is allauth's."""

import time
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from glassbed.features.accounts import first_link
from glassbed.features.accounts.forms import ProfileForm
from glassbed.features.accounts.models import Profile, Session
from glassbed.features.accounts.request import SignedIn, Visit
from glassbed.foundation.bus import tell_after_commit
from glassbed.foundation.purpose import for_purpose
from glassbed.protocol import subjects
from glassbed.protocol.errors import NotFound


@for_purpose("sign_in", signed_in=False)
@require_safe
def open_first_link(request: Visit, token: str) -> HttpResponseBase:
    """Let whoever has the terminal's link become the operator, once."""
    if first_link.was_used() or not first_link.is_valid(token, time.time()):
        raise NotFound(_("This link was used or is too old. The terminal shows a new one at the next start."))
    request.session[first_link.SESSION_KEY] = token
    return redirect("account_signup")


@for_purpose("account")
@require_http_methods(["GET", "POST"])
def settings(request: SignedIn) -> HttpResponseBase:
    profile = Profile.objects.get(person=request.user.pk)
    form = ProfileForm(request.POST or None, instance=profile)
    if request.method == "POST" and form.is_valid():
        form.save()
        with translation.override(form.instance.language or translation.get_language_from_request(request)):
            messages.success(request, _("Saved."))  # in the language that was just chosen
        return redirect("settings")
    return render(request, "accounts/settings.html", {"form": form, "sessions": _sessions(request)})


def _sessions(request: SignedIn) -> list[dict[str, Any]]:
    rows = Session.objects.filter(person=request.user.pk).order_by("-last_used_at")
    here = request.session.public_id
    return [{"session": row, "here": row.public_id == here} for row in rows]


@for_purpose("account")
@require_POST
def end_session(request: SignedIn, session_id: UUID) -> HttpResponseBase:
    """End another of one's sessions; whatever it watches stops at once."""
    deleted, _by_table = Session.objects.filter(public_id=session_id).delete()
    if not deleted:
        raise NotFound
    tell_after_commit(subjects.session(str(session_id)))
    messages.success(request, _("That session has ended."))
    return redirect("settings")
