"""Short-lived signed tickets: what Django allows, told to `live`, which has no database.

A ticket is readable by whoever carries it and holds no secret; it can't be made or changed without
the instance's key. It travels in the first frame of a socket (`messages.Hello`), never in an address.
"""

import hashlib
import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

import msgspec

from glassbed.protocol.errors import NotAllowed
from glassbed.protocol.messages import Id, Printer
from glassbed.protocol.subjects import Word

LIFETIME_S = 60.0
"""How long a ticket should be good for: it is fetched just before the socket opens."""

LONGEST_LIFETIME_S = 300.0
"""A ticket that claims more is refused. `live` remembers revocations for as long."""

_KEY_BYTES_MIN = 32
_MAC_BYTES = hashlib.sha256().digest_size


class _Ticket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    expires_at: float
    issued_at: float = msgspec.field(default_factory=time.time)


class BridgeTicket(_Ticket, frozen=True, kw_only=True):
    """This bridge may serve these printers."""

    bridge: Id
    printers: tuple[Printer, ...]


class ViewerTicket(_Ticket, frozen=True, kw_only=True):
    """This person, in this session, may watch these printers.

    `session` names the session for ending it; it must not be the session's key, which is a secret.
    """

    person: Id
    session: Word
    printers: tuple[Id, ...]


Ticket = BridgeTicket | ViewerTicket
_T = TypeVar("_T", BridgeTicket, ViewerTicket)


def sign(ticket: Ticket, secret: bytes) -> str:
    payload = msgspec.json.encode(ticket)
    return f"{_text(payload)}.{_text(_mac(type(ticket), payload, secret))}"


def read_bridge(text: str, secret: bytes, now: float) -> BridgeTicket:
    """Return the ticket. Raises `NotAllowed` when it is forged, expired, or not a bridge's."""
    return _read(text, BridgeTicket, secret, now)


def read_viewer(text: str, secret: bytes, now: float) -> ViewerTicket:
    """Return the ticket. Raises `NotAllowed` when it is forged, expired, or not a viewer's."""
    return _read(text, ViewerTicket, secret, now)


def _read(text: str, kind: type[_T], secret: bytes, now: float) -> _T:
    refused = NotAllowed("This ticket does not open this socket. Ask for a new one.")
    try:
        payload, mac = (_bytes(part) for part in text.split("."))
    except ValueError:  # not two parts, not base64, not ASCII
        raise refused from None
    if not hmac.compare_digest(mac, _mac(kind, payload, secret)):
        raise refused
    try:
        ticket = msgspec.json.decode(payload, type=kind)
    except msgspec.DecodeError:  # signed by an older or newer version of us
        raise refused from None
    if not now < ticket.expires_at <= ticket.issued_at + LONGEST_LIFETIME_S:
        raise NotAllowed("This ticket has run out. Ask for a new one.")
    return ticket


def _mac(kind: type, payload: bytes, secret: bytes) -> bytes:
    """Bind the kind, so that a ticket of one socket never opens the other."""
    if len(secret) < _KEY_BYTES_MIN:
        raise ValueError(f"the key for tickets has {len(secret)} bytes; at least {_KEY_BYTES_MIN} are needed")
    return hmac.digest(secret, f"glassbed {kind.__name__} 1\0".encode() + payload, "sha256")


def _text(part: bytes) -> str:
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def _bytes(part: str) -> bytes:
    """Undo `_text`, refusing every other spelling of the same bytes."""
    decoded = urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
    if _text(decoded) != part:
        raise ValueError(part)
    return decoded
