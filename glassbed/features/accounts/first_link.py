"""The operator's first link: signed, good for a day, and worthless once an operator proved an address. Stored nowhere.

Printed on the terminal by `glassbed run`. Purpose of all queries: sign_in.
"""

import hashlib
import hmac
import re
import time

from django.conf import settings
from django.db import connections
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from glassbed.features.accounts.models import Person
from glassbed.protocol.errors import Conflict

LIFETIME_S = 86_400
SESSION_KEY = "first_link"
FOUNDER, FOUNDER_S = "founder", 3600
"""Session key: until when this visitor, who used the link, may read the code that proves their address."""


def make(now: float) -> str:
    expiry = int(now) + LIFETIME_S
    return f"{expiry}-{_mac(expiry)}"


def is_valid(token: str, now: float) -> bool:
    expiry, _, mac = token.partition("-")
    if not re.fullmatch(r"[0-9]{1,12}", expiry):
        return False
    return int(expiry) > now and hmac.compare_digest(mac.encode(), _mac(int(expiry)).encode())


def address(now: float) -> str:
    return settings.GLASSBED.public_url + reverse("first_link", args=[make(now)])


def was_used() -> bool:
    """Whether there is an operator. One whose address is wrong could never sign in, and does not count."""
    return Person.objects.filter(is_operator=True, emailaddress__verified=True).exists()


def claim() -> None:
    """Hold the operator's place until the transaction ends, and take it from whoever did not prove an address.

    Raises `Conflict` when somebody was faster.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('glassbed.operator'))")
    if was_used():
        raise Conflict(_("This link was used a moment ago. Reload the page to sign in or up."))
    Person.objects.filter(is_operator=True).update(is_operator=False)


def carried_by(request: HttpRequest) -> bool:
    """Whether this visitor came by the link, and nobody used it before."""
    token = request.session.get(SESSION_KEY, "")
    return bool(token) and is_valid(token, time.time()) and not was_used()


def use(request: HttpRequest) -> None:
    """Note in the visitor's session that the link was used."""
    request.session.pop(SESSION_KEY, None)
    request.session[FOUNDER] = time.time() + FOUNDER_S


def forget() -> None:
    """Remove the terminal's copy."""
    (settings.HOME / "run" / "first-link").unlink(missing_ok=True)


def _mac(expiry: int) -> str:
    key = settings.GLASSBED.secret("first-link")
    return hmac.new(key, str(expiry).encode(), hashlib.sha256).hexdigest()[:32]
