"""Pairing: the bridge shows a code, a person approves it in the browser, and both keep each other's name."""

import asyncio
import platform
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from glassbed import __version__
from glassbed.bridge.identity import Identity, base64url
from glassbed.bridge.server import post
from glassbed.protocol.clock import ServerClock
from glassbed.protocol.errors import Invalid, NotAllowed, Unavailable

_CREATED, _OK, _NOT_FOUND, _GONE = 201, 200, 404, 410
_SERVER_ERROR = 500
_PATIENCE_S = 3600.0  # whatever the server says, nobody comes any more


class Offer(msgspec.Struct, frozen=True):
    """What the server gives the person to approve this bridge with."""

    pairing_id: str
    code: str
    approve_url: str
    expires_at: float
    poll_s: float = 2


async def pair(
    server: str,
    identity: Identity,
    *,
    name: str,
    session: aiohttp.ClientSession,
    trust: ssl.SSLContext,
    show: Callable[[Offer], None],
    local_token: str | None = None,
) -> str:
    """Ask to be paired, show the offer, wait for the person; return the bridge's id.

    Raises `NotAllowed` when refused or expired, `Invalid` for a server that is none, `Unavailable`.
    """
    clock = ServerClock()
    request: dict[str, Any] = {
        "public_key": base64url(identity.public_key),
        "name": name,
        "version": __version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }
    if local_token:
        request["local_token"] = local_token
    status, answer = await post(session, f"{server}/bridge/pair", request, trust)
    if status >= _SERVER_ERROR:
        raise Unavailable(f"The server is not ready ({status}).")
    if status != _CREATED:
        raise Invalid(str(answer.get("error") or f"The server answered {status}: is this a Glassbed server?"))
    offer = _offer(answer)
    show(offer)
    return await _approval(server, identity, offer, clock=clock, session=session, trust=trust)


async def _approval(
    server: str,
    identity: Identity,
    offer: Offer,
    *,
    clock: ServerClock,
    session: aiohttp.ClientSession,
    trust: ssl.SSLContext,
) -> str:
    url = f"{server}/bridge/pair/{offer.pairing_id}"
    poll_s = min(max(offer.poll_s, 0.1), 30.0)
    for _ in range(int(_PATIENCE_S / poll_s)):
        at, sent = int(clock.now()), clock.mark()
        signature = identity.sign(f"glassbed-pair:{offer.pairing_id}:{at}")
        try:
            status, answer = await post(session, url, {"at": at, "signature": signature}, trust)
        except Unavailable:  # a short gap must not cost the person a new code
            await asyncio.sleep(poll_s)
            continue
        if status == _OK and answer.get("bridge_id"):
            return str(answer["bridge_id"])
        if status in {_GONE, _NOT_FOUND}:
            raise NotAllowed(str(answer.get("error") or "This code has expired. Start the pairing again."))
        if isinstance(answer.get("server_time"), int | float):
            clock.measured(sent, answer["server_time"])
        await asyncio.sleep(poll_s)
    raise NotAllowed("Nobody approved this bridge in time. Start the pairing again.")


def _offer(answer: dict[str, Any]) -> Offer:
    try:
        return msgspec.convert(answer, Offer, strict=True)
    except msgspec.ValidationError as error:
        raise Invalid(
            "The server answered something else than a pairing: is this a Glassbed server?"
        ) from error
