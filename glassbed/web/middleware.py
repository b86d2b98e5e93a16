"""A request is: the session under `sign_in`, then the view under its own purpose, then the session again."""

import logging
import re
import time
import zoneinfo
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import ProgrammingError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponsePermanentRedirect
from django.middleware.gzip import GZipMiddleware
from django.utils import timezone, translation
from psycopg.errors import InsufficientPrivilege

from glassbed.features.accounts.models import Person, Profile
from glassbed.features.accounts.sessions import SessionStore
from glassbed.features.trust import actions as trust
from glassbed.features.trust import signals
from glassbed.features.trust.choices import language as spoken
from glassbed.foundation import log
from glassbed.foundation.bindings import bindings
from glassbed.foundation.purpose import View, declared_purpose, purpose, run_view
from glassbed.protocol.errors import GlassbedError, PolicyRefused
from glassbed.web import errors
from glassbed.web.browsers import browser_name
from glassbed.web.origin import comes_from_this_machine

logger = logging.getLogger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponseBase]
TOUCH_AFTER_S = 3600


class SessionInPurpose(SessionMiddleware):
    """Loads session, person and profile at once, and writes the session back after the view's transaction."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        request.session = store = SessionStore(key)
        store.browser = browser_name(request.headers.get("User-Agent", ""))
        request.user = AnonymousUser()
        request.profile = None  # type: ignore[attr-defined]  # ours, read by templates
        if key:
            with purpose("sign_in"):
                self._load(request, store)
        response = cast("HttpResponse", self.get_response(request))
        if request.session.modified or (key and request.session.is_empty()):
            with purpose("sign_in"):
                response = self.process_response(request, response)
        route = request.resolver_match.view_name if request.resolver_match else "-"
        log.event(
            logger,
            "request",
            method=request.method,
            route=route,
            status=response.status_code,
            duration_ms=round(1000 * (time.monotonic() - started)),
        )
        return response

    def _load(self, request: HttpRequest, store: SessionStore) -> None:
        person = get_user(request)
        if not person.is_authenticated:
            return
        request.user = person
        request.profile = Profile.objects.filter(person=person.pk).first()  # type: ignore[attr-defined]  # as above
        if time.time() - float(store.get("used", 0)) > TOUCH_AFTER_S:
            store["used"] = int(time.time())


class ViewInPurpose:
    """Runs each view and its rendering in the purpose that it declares; without one it is refused."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase:
        if getattr(view, "signed_in", False) and not request.user.is_authenticated:
            return errors.sign_in_first(request)
        try:
            return run_view(request, view, args, kwargs)
        except GlassbedError as error:
            return errors.told(request, error)
        except ProgrammingError as error:
            if not isinstance(error.__cause__, InsufficientPrivilege):
                raise
            _log_refusal(request, view, str(error.__cause__))
            return errors.told(request, PolicyRefused())


def _log_refusal(request: HttpRequest, view: View, said: str) -> None:
    """Name page, purpose and table. Of what the database said, in whatever language, only a table's name is kept."""
    words = set(re.findall(r"\w+", said))
    log.event(
        logger,
        "policy_refused",
        level=logging.WARNING,
        route=request.resolver_match.view_name if request.resolver_match else "-",
        purpose=declared_purpose(view),
        table=next((table for table in bindings() if table in words), "-"),
    )


class CompressedPages(GZipMiddleware):
    """Compresses pages. A file that streams through keeps its length, and costs no time for a second packing."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response if response.streaming else super().process_response(request, response)


def language_and_time_zone(get_response: GetResponse) -> GetResponse:
    """Speak the person's language (chosen, else the browser's) and show the person's time."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        profile: Profile | None = request.profile  # type: ignore[attr-defined]  # set by SessionInPurpose
        language = (profile and profile.language) or translation.get_language_from_request(request)
        zone = (
            zoneinfo.ZoneInfo(profile.time_zone)
            if profile and profile.time_zone
            else timezone.get_default_timezone()
        )
        with translation.override(language), timezone.override(zone):
            request.LANGUAGE_CODE = language
            response = get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response

    return middleware


HEARD = "heard"
"""Session key: the signals that were taken for a "no" in this session."""


def browsers_signal(get_response: GetResponse) -> GetResponse:
    """Take Global Privacy Control and Do Not Track for an objection, each once a session, where the policy honours them."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        said = signals.honoured(request, settings.GLASSBED_PACK)
        if (
            said
            and isinstance(request.user, Person)
            and (new := said.difference(request.session.get(HEARD, ())))
        ):
            with purpose("choosing", person=request.user.pk):
                trust.hear(person=request.user.pk, signals=new, language=spoken())
            request.session[HEARD] = sorted(new.union(request.session.get(HEARD, ())))
        return get_response(request)

    return middleware


def security_headers(get_response: GetResponse) -> GetResponse:
    """Plain HTTP is sent to HTTPS; what no page of ours needs is switched off; private pages are never cached.

    Only this machine itself (the health probe, the local bridge) may stay on plain HTTP behind a proxy.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if settings.SECURE and not request.is_secure() and not comes_from_this_machine(request):
            return HttpResponsePermanentRedirect(settings.GLASSBED.public_url + request.get_full_path())
        response = get_response(request)
        response.headers.setdefault(
            "Permissions-Policy", "geolocation=(), microphone=(), camera=(), browsing-topics=()"
        )
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware
