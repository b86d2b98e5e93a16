"""What every page is given: navigation, footer, units."""

import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from glassbed.features.accounts import first_link
from glassbed.features.accounts.models import INVITED, Profile
from glassbed.web.pages import may_read_outbox
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
        "pair_command": _pair_command,
        "outbox_open": lambda: may_read_outbox(request),  # called by a template that asks, and by no other
        "offers_signup": _offers_signup(request),
        "languages": settings.LANGUAGES,
        "footer_links": _links(request, FOOTER),
    }


def _offers_signup(request: HttpRequest) -> bool:
    """Whether a visitor may sign up. Asks no database: this stands on pages that have none."""
    invited = request.session.get(INVITED, 0) > time.time() or first_link.SESSION_KEY in request.session
    return settings.GLASSBED.signup == "open" or invited


def _links(request: HttpRequest, items: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    links = []
    for route, title, icon in items:
        url = reverse(route)
        active = request.path == url or (url != "/" and request.path.startswith(url))
        links.append({"url": url, "title": _(title), "icon": icon, "active": active})
    return links


def _pair_command() -> str:
    """What to type on the printers' network; with our own authority it names the fingerprint to pin."""
    command = f"glassbed bridge pair {settings.GLASSBED.public_url}"
    if settings.GLASSBED.tls != "local":
        return command
    root = x509.load_pem_x509_certificate((settings.HOME / "tls" / "root.pem").read_bytes())
    return f"{command} --fingerprint sha256:{root.fingerprint(SHA256()).hex()}"
