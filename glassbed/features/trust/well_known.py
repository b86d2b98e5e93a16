"""What programs look for at fixed addresses: the policy for machines, where to report a weakness, what GPC does here."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from glassbed.features.trust import hub
from glassbed.foundation.purpose import for_purpose
from glassbed.policy.linked_data import linked_data

EXPIRES_AFTER_DAYS = 180
"""RFC 9116, 2.5.5: less than a year."""


def _absolute(name: str) -> str:
    return f"{settings.GLASSBED.public_url}{reverse(name)}"


@for_purpose("no_data", signed_in=False)
@require_safe
def gpc(request: HttpRequest) -> HttpResponseBase:
    """Whether Global Privacy Control is honoured (its specification, 4.1)."""
    pack = hub.policy()
    return JsonResponse({"gpc": pack.signals.get("gpc", False), "lastUpdate": pack.effective.new_people})


@for_purpose("no_data", signed_in=False)
@require_safe
def security_txt(request: HttpRequest) -> HttpResponseBase:
    """Where to report a weakness (RFC 9116). Without an address that somebody reads there is no such file."""
    contact = hub.security_contact()
    if contact is None:
        text = _("The operator named no address for reports. Ask whoever gave you the address of this site.")
        return HttpResponse(
            f"{text}\n", status=HTTPStatus.NOT_FOUND, content_type="text/plain; charset=utf-8"
        )
    expires = (datetime.now(UTC) + timedelta(days=EXPIRES_AFTER_DAYS)).replace(microsecond=0)
    languages = ", ".join(hub.policy().languages)
    lines = [
        f"Contact: {contact}",
        f"Expires: {expires.isoformat().replace('+00:00', 'Z')}",
        f"Preferred-Languages: {languages}",
        f"Canonical: {_absolute('security_txt')}",
    ]
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")


@for_purpose("no_data", signed_in=False)
@require_safe
def change_password(request: HttpRequest) -> HttpResponseBase:
    """Where password managers send people (W3C, A Well-Known URL for Changing Passwords)."""
    return redirect("account_change_password")


@for_purpose("no_data", signed_in=False)
@require_safe
def policy_json(request: HttpRequest) -> HttpResponseBase:
    """The pack as it is, with its digest."""
    said = {"digest": hub.digest(), "policy": hub.policy()}
    return HttpResponse(msgspec.json.encode(said), content_type="application/json")


@for_purpose("no_data", signed_in=False)
@require_safe
def policy_jsonld(request: HttpRequest) -> HttpResponseBase:
    """The pack in the words of the W3C's Data Privacy Vocabulary."""
    graph = linked_data(hub.english(), _absolute("policy_jsonld"))
    return JsonResponse(graph, content_type="application/ld+json", json_dumps_params={"indent": 1})
