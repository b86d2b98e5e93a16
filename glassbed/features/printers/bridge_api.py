"""What a bridge asks of the server before its link opens: to be paired, and a ticket. JSON, no cookies."""

import hashlib
import time
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from glassbed.features.accounts.address import client_address
from glassbed.features.printers import pairing
from glassbed.foundation.purpose import for_purpose
from glassbed.protocol.errors import Invalid, NotAllowed, Unavailable

BODY_LIMIT_BYTES = 16 * 1024
POLL_S = 2
LIMIT_ASKS, LIMIT_S = 20, 600
_T = TypeVar("_T")


def _body(request: HttpRequest, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(request.read(BODY_LIMIT_BYTES), type=kind)
    except msgspec.DecodeError as error:
        raise Invalid(f"not what is expected here: {error}") from error


def _json(status: int = 200, **content: Any) -> JsonResponse:
    return JsonResponse(content, status=status)


@csrf_exempt
@for_purpose("pairing", signed_in=False)
@require_POST
def ask(request: HttpRequest) -> HttpResponseBase:
    """A bridge wants to be somebody's: give it a code to show."""
    body = _body(request, pairing.Asked)
    if body.local_token is None:
        _limit(client_address(request))
    asked = pairing.ask(body, as_of=timezone.now())
    return _json(
        201,
        pairing_id=str(asked.pk),
        code=asked.code,
        approve_url=f"{settings.GLASSBED.public_url}{reverse('pair')}?code={asked.code}",
        expires_at=asked.expires_at.timestamp(),
        poll_s=POLL_S,
    )


def _limit(address: str) -> None:
    """Let one address ask a few times only: asking needs no account. Counted in memory, under a digest."""
    key = f"pairing:{hashlib.sha256(address.encode()).hexdigest()}"
    if cache.add(key, 1, LIMIT_S):
        return
    if cache.incr(key) > LIMIT_ASKS:
        raise Unavailable("Too many bridges ask to be paired from there. Try again in ten minutes.")


@csrf_exempt
@for_purpose("pairing", signed_in=False)
@require_POST
def answer(request: HttpRequest, pairing_id: UUID) -> HttpResponseBase:
    """Tell the bridge that holds the pairing's key whether somebody approved it."""
    now = timezone.now()
    asked = pairing.answer(pairing_id, _body(request, pairing.Proof))
    if asked.bridge_id:
        return _json(bridge_id=str(asked.bridge_id))
    if asked.refused_at or asked.expires_at < now:
        return _json(410, error="The pairing was refused or took too long. Start it again.")
    return _json(202, state="waiting", server_time=time.time())


@csrf_exempt
@for_purpose("pairing", signed_in=False)
@require_POST
def ticket(request: HttpRequest) -> HttpResponseBase:
    """Give a bridge that proves its key a ticket for the link; one whose clock is off learns the time first."""
    proof = _body(request, pairing.TicketProof)
    if pairing.clock_is_off(proof.at):
        return _json(409, server_time=time.time())
    try:
        text, expires_at = pairing.ticket(proof)
    except NotAllowed as error:
        return _json(403, error=str(error))
    return _json(ticket=text, server_time=time.time(), expires_at=expires_at)
