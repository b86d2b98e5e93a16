"""How a bridge becomes somebody's and how it proves itself afterwards. Purpose: pairing.

A bridge is never linked by where it connects from: only a code that a signed-in person types, or the
supervisor's own secret for the bridge on the server's machine, which its operator adopts by hand.
"""

import hmac
import secrets
import time
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.utils import timezone

from glassbed.features.printers import queries
from glassbed.features.printers.models import Bridge, Pairing
from glassbed.protocol.errors import Invalid, NotAllowed, NotFound, Unavailable
from glassbed.protocol.tickets import LIFETIME_S, BridgeTicket, sign

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that reads like another
CODE_MINUTES = 10
LOCAL_DAYS = 30
OPEN_LIMIT = 1_000
"""Of codes that wait at once: asking needs no account, so it is bounded."""
CLOCK_TOLERANCE_S = 120
KEY_BYTES = 32


Printable = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
"""A database takes no NUL."""
Moment = Annotated[int, msgspec.Meta(ge=0, lt=2**40)]


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a request to be paired."""

    public_key: str
    name: Printable
    version: Printable
    platform: Printable
    local_token: str | None = None


class Proof(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a poll: the pairing's own key signed the moment."""

    at: Moment
    signature: str


class TicketProof(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a request for a ticket."""

    bridge_id: UUID
    at: Moment
    nonce: str
    signature: str


def ask(asked: Asked, *, as_of: datetime) -> Pairing:
    """Write down a bridge that wants to be somebody's. Raises `Invalid` and, for a wrong local token, `NotAllowed`."""
    key = _bytes(asked.public_key)
    if len(key) != KEY_BYTES:
        raise Invalid("a public key of 32 bytes is needed")
    is_local = asked.local_token is not None
    if is_local and not hmac.compare_digest(
        (asked.local_token or "").encode(), settings.GLASSBED.secret("local-bridge").hex().encode()
    ):
        raise NotAllowed
    if is_local:
        Pairing.objects.filter(is_local=True, bridge=None).delete()
    if not is_local and Pairing.objects.filter(bridge=None, expires_at__gt=as_of).count() >= OPEN_LIMIT:
        raise Unavailable("Too many bridges ask to be paired at the moment. Try again in ten minutes.")
    lifetime = timedelta(days=LOCAL_DAYS) if is_local else timedelta(minutes=CODE_MINUTES)
    return Pairing.objects.create(
        code=_new_code(),
        public_key=key,
        name=asked.name[:60] or "Bridge",
        version=asked.version[:40],
        platform=asked.platform[:80],
        is_local=is_local,
        expires_at=as_of + lifetime,
    )


def _new_code() -> str:
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def answer(pairing_id: UUID, proof: Proof) -> Pairing:
    """Return the pairing to the bridge that holds its key. Raises `NotFound` to anybody else."""
    pairing = Pairing.objects.filter(pk=pairing_id).first()
    if pairing is None or not _signed(
        bytes(pairing.public_key), f"glassbed-pair:{pairing_id}:{proof.at}", proof.signature
    ):
        raise NotFound
    return pairing


def by_code(code: str, *, as_of: datetime) -> Pairing:
    """The local bridge has no code that anybody could use: its operator adopts it."""
    waiting = Pairing.objects.select_for_update().filter(
        code=code, bridge=None, refused_at=None, is_local=False
    )
    pairing = waiting.filter(expires_at__gt=as_of).first()
    if pairing is None:
        raise NotFound
    return pairing


def clock_is_off(at: int) -> bool:
    return abs(time.time() - at) > CLOCK_TOLERANCE_S


def ticket(proof: TicketProof) -> tuple[str, float]:
    """Return a ticket for the link and when it runs out. Raises `NotAllowed` for unknown and revoked bridges."""
    issued_at = time.time()  # before the look-up, so that rights lost meanwhile make the ticket stale
    bridge = Bridge.objects.filter(pk=proof.bridge_id, revoked_at=None).first()
    said = f"glassbed-ticket:{proof.bridge_id}:{proof.at}:{proof.nonce}"
    if bridge is None or not _signed(bytes(bridge.public_key), said, proof.signature):
        raise NotAllowed("This bridge is not known here any more. Pair it again.")
    Bridge.objects.filter(pk=bridge.pk).update(last_ticket_at=timezone.now())
    given = BridgeTicket(
        bridge=str(bridge.pk),
        printers=queries.served_by(bridge.pk),
        issued_at=issued_at,
        expires_at=issued_at + LIFETIME_S,
    )
    return sign(given, queries.tickets_secret()), given.expires_at


def _signed(public_key: bytes, said: str, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(_bytes(signature), said.encode())
    except (InvalidSignature, Invalid):
        return False
    return True


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Invalid("not base64url") from error
