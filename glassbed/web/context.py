"""What every page is given: navigation, footer, units."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from glassbed.features.accounts.models import Profile
from glassbed.wiring import ACCOUNT_LINKS, FOOTER, NAVIGATION


def page(request: HttpRequest) -> dict[str, Any]:
    profile = getattr(request, "profile", None)
    imperial = profile is not None and profile.units == Profile.Units.IMPERIAL
    return {
        "user": request.user,
        "profile": profile,
        "person_name": (profile and profile.display_name) or "",
        "units": "fahrenheit" if imperial else "celsius",
        "navigation": _links(request, NAVIGATION) if request.user.is_authenticated else [],
        "account_links": _links(request, ACCOUNT_LINKS) if request.user.is_authenticated else [],
        "public_url": settings.GLASSBED.public_url,
        "footer_links": _links(request, FOOTER),
    }


def _links(request: HttpRequest, items: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    links = []
    for route, title, icon in items:
        url = reverse(route)
        active = request.path == url or (url != "/" and request.path.startswith(url))
        links.append({"url": url, "title": _(title), "icon": icon, "active": active})
    return links
