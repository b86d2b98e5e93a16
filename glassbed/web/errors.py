"""Errors as people and programs see them: a page, a partial, or JSON, each saying what to do."""

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _

from glassbed.protocol.errors import (
    Conflict,
    GlassbedError,
    Invalid,
    NotAllowed,
    NotFound,
    PolicyRefused,
    Unavailable,
)

STATUS: dict[type[GlassbedError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    NotAllowed: HTTPStatus.FORBIDDEN,
    PolicyRefused: HTTPStatus.FORBIDDEN,
    Conflict: HTTPStatus.CONFLICT,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith("/bridge/") or "application/json" in request.headers.get("Accept", "")


def told(request: HttpRequest, error: GlassbedError) -> HttpResponseBase:
    """Answer with the error's own sentence."""
    status = STATUS.get(type(error), HTTPStatus.BAD_REQUEST)
    message = error.said(_)
    if wants_json(request):
        return JsonResponse({"error": message}, status=status)
    template = "errors/partial.html" if request.headers.get("HX-Request") else "errors/page.html"
    return render(request, template, {"status": int(status), "message": message}, status=status)


def sign_in_first(request: HttpRequest) -> HttpResponseBase:
    if wants_json(request):
        return JsonResponse({"error": _("Sign in first.")}, status=HTTPStatus.UNAUTHORIZED)
    if request.headers.get("HX-Request"):
        return HttpResponse(
            status=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": resolve_url(settings.LOGIN_URL)}
        )
    return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    return told(request, NotFound())


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    return told(
        request,
        NotAllowed(
            _("This form was not sent from this site, or it is too old. Reload the page and send it again.")
        ),
    )


def server_error(request: HttpRequest) -> HttpResponseBase:
    if wants_json(request):
        return JsonResponse({"error": _(str(GlassbedError()))}, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    return render(request, "500.html", status=HTTPStatus.INTERNAL_SERVER_ERROR)
