"""The link at the foot of each news mail (RFC 8058): one click of a mail program, or a button on a page; no sign-in.

The link carries who, what and when the mail was written, signed. Only POST stops anything, for mail programs fetch
links to look at them; and it ends the consent under which the mail was written, not one that was given since.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from glassbed.features.trust import actions
from glassbed.features.trust.choices import language
from glassbed.foundation.purpose import for_purpose, purpose
from glassbed.policy.texts import localized
from glassbed.protocol.errors import NotFound

SALT = "glassbed.unsubscribe"


class Said(NamedTuple):
    """What a link says."""

    person: UUID
    choice: str
    written_at: datetime


def link(person: UUID, choice: str, written_at: datetime) -> str:
    """Return the address that stops a choice for a person. It does not expire: old mails are read late."""
    token = signing.dumps([str(person), choice, written_at.isoformat()], salt=SALT, compress=True)
    return settings.GLASSBED.public_url + reverse("unsubscribe", args=[token])


@csrf_exempt  # a mail program posts it; the signed token is the proof
@for_purpose("choosing", signed_in=False, opens=False)
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponseBase:
    read = _read(token)
    is_done = request.method == "POST"
    if is_done:
        with purpose("choosing", person=read.person):
            actions.stop_by_link(**read._asdict(), language=language())
    said = localized(settings.GLASSBED_PACK, language()).choices[read.choice]
    return render(request, "trust/unsubscribe.html", {"choice": said, "is_done": is_done})


def _read(token: str) -> Said:
    try:
        person, choice, written_at = signing.loads(token, salt=SALT)
    except signing.BadSignature as error:
        raise NotFound from error
    if choice not in settings.GLASSBED_PACK.choices:
        raise NotFound
    return Said(UUID(person), choice, datetime.fromisoformat(written_at))
