"""`glassbed bridge pair | run | status | forget`."""

import argparse
import asyncio
import logging
import os
import platform
import sys
import time
from collections.abc import Mapping
from typing import TextIO
from urllib.parse import urlsplit

import aiohttp

from glassbed.bridge import process
from glassbed.bridge.home import Home, Pairing
from glassbed.bridge.identity import Identity
from glassbed.bridge.outbox import Outbox
from glassbed.bridge.pairing import Offer, pair
from glassbed.bridge.tls import fetch_ca, trust
from glassbed.drivers.interface import Driver
from glassbed.protocol.errors import Conflict, GlassbedError, Invalid, NotAllowed, Unavailable

log = logging.getLogger(__name__)

_LOCAL_RETRY_S = 2.0
_UNPAIRED = 3
_COMMANDS = frozenset({"pair", "run", "status", "forget"})
_LOCAL_PATIENT = (Unavailable, NotAllowed)


def main(argv: list[str], drivers: Mapping[str, type[Driver]] | None = None) -> int:
    """Run one command; return the exit code. `drivers` defaults to the registry."""
    is_named = bool(argv) and (argv[0] in _COMMANDS or argv[0] in {"-h", "--help"})
    arguments = _parser().parse_args(argv if is_named else ["run", *argv])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        code: int = arguments.command(arguments, Home.of_environment(), drivers)
    except GlassbedError as error:
        _say(str(error), sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="glassbed bridge", description=__doc__)
    commands = parser.add_subparsers(required=True)
    pairing = commands.add_parser(
        "pair", help="make this bridge yours: shows a code to approve in the browser"
    )
    pairing.add_argument("server", help="the address of your Glassbed, like https://prints.example.org")
    pairing.add_argument("--fingerprint", help="sha256:... of the server's own certificate authority")
    pairing.add_argument("--name", default=platform.node() or "bridge", help="how the bridge is called there")
    pairing.set_defaults(command=_pair)
    running = commands.add_parser("run", help="connect printers and server (what `glassbed bridge` does)")
    running.add_argument("--local", action="store_true", help="beside the server, started by its supervisor")
    running.set_defaults(command=_run, local=False)
    status = commands.add_parser("status", help="say how this bridge is doing")
    status.set_defaults(command=_status)
    forgetting = commands.add_parser(
        "forget", help="remove pairing, key, hosts' keys and what was not sent yet"
    )
    forgetting.add_argument("--yes", action="store_true", help="do not ask")
    forgetting.set_defaults(command=_forget)
    return parser


def _pair(arguments: argparse.Namespace, home: Home, drivers: Mapping[str, type[Driver]] | None) -> int:
    del drivers
    with home.held():
        if home.pairing():
            raise Conflict(
                "This bridge is paired already. `glassbed bridge forget` ends that; then pair again."
            )
        server = _address(arguments.server)
        asyncio.run(_pair_with(home, server, arguments.name, arguments.fingerprint))
    _say("Paired. Start it with `glassbed bridge run`.")
    return 0


async def _pair_with(home: Home, server: str, name: str, fingerprint: str | None) -> None:
    if fingerprint and not server.startswith("https://"):
        raise Invalid("A fingerprint needs an address that begins with https://.")
    ca_pem = await fetch_ca(server, fingerprint) if fingerprint else None
    identity = Identity.load_or_make(home)

    def show(offer: Offer) -> None:
        _show(offer, identity)

    async with aiohttp.ClientSession() as session:
        bridge_id = await pair(server, identity, name=name, session=session, trust=trust(ca_pem), show=show)
    home.keep_pairing(Pairing(server=server, bridge_id=bridge_id, ca_pem=ca_pem))


def _show(offer: Offer, identity: Identity) -> None:
    import segno

    url = "".join(letter for letter in offer.approve_url if letter.isprintable())
    _say(f"Open this address and approve the bridge:\n\n  {url}\n\n  Code: {offer.code!s:.20}\n")
    segno.make(url, error="l").terminal(sys.stdout, compact=True)
    _say(f"\nThe page shows these words. Approve only if they are the same:\n\n  {identity.words}\n")
    sys.stdout.flush()


def _run(arguments: argparse.Namespace, home: Home, drivers: Mapping[str, type[Driver]] | None) -> int:
    with home.held():
        if arguments.local:
            asyncio.run(_pair_locally(home))
        pairing, identity = home.pairing(), Identity.load(home)
        if pairing is None or identity is None:
            _say("This bridge is not paired. Run `glassbed bridge pair SERVER` first.", sys.stderr)
            return _UNPAIRED
        asyncio.run(process.run(home, identity, pairing, _registry() if drivers is None else drivers))
    return 0


async def _pair_locally(home: Home) -> None:
    """Pair with the server that the supervisor names; wait until somebody adopts the bridge in the browser."""
    server = _address(os.environ.get("GLASSBED_LOCAL_SERVER", ""))
    token = os.environ.pop("GLASSBED_LOCAL_TOKEN", None)
    pairing = home.pairing()
    if pairing:
        home.keep_pairing(Pairing(server=server, bridge_id=pairing.bridge_id, ca_pem=pairing.ca_pem))
        return
    fingerprint = os.environ.get("GLASSBED_LOCAL_FINGERPRINT")
    identity = Identity.load_or_make(home)
    name = platform.node() or "bridge"
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                ca_pem = await fetch_ca(server, fingerprint) if fingerprint else None
                bridge_id = await pair(
                    server,
                    identity,
                    name=name,
                    session=session,
                    trust=trust(ca_pem),
                    show=lambda _: log.info("waiting to be adopted in the browser"),
                    local_token=token,
                )
            except _LOCAL_PATIENT as error:
                log.info("not adopted yet: %s", type(error).__name__)
                await asyncio.sleep(_LOCAL_RETRY_S)
            else:
                home.keep_pairing(Pairing(server=server, bridge_id=bridge_id, ca_pem=ca_pem))
                return


def _status(arguments: argparse.Namespace, home: Home, drivers: Mapping[str, type[Driver]] | None) -> int:
    del arguments, drivers
    pairing, identity = home.pairing(), Identity.load(home)
    if pairing is None or identity is None:
        _say("This bridge is not paired.")
        return _UNPAIRED
    _say(f"Server:  {pairing.server}\nBridge:  {pairing.bridge_id}\nWords:   {identity.words}")
    status = home.status()
    if status and home.is_in_use():
        detail = f": {status.detail}" if status.detail else ""
        minutes = int(max(time.time() - status.since, 0) / 60)
        _say(f"Link:    {status.state}, for {minutes} min{detail}")
    else:
        _say("Link:    not running")
    waiting = Outbox.counted(home.folder("outbox"))
    _say(f"Waiting: {waiting.events} events, {waiting.traces} minutes of traces")
    lost = Outbox.lost_of(home.folder("outbox"))
    if lost.events or lost.traces:
        _say(
            f"Lost:    {lost.events} events, {lost.traces} minutes of traces (the outbox was full or damaged)"
        )
    return 0


def _forget(arguments: argparse.Namespace, home: Home, drivers: Mapping[str, type[Driver]] | None) -> int:
    del drivers
    with home.held():
        question = (
            f"Remove {home.path} with the pairing, the keys of all printers and what was not sent yet? [y/N] "
        )
        if not arguments.yes and (not sys.stdin.isatty() or input(question).strip().lower() != "y"):
            _say("Nothing was removed. `--yes` does it without asking.", sys.stderr)
            return 1
        home.forget()
    _say("Forgotten. Remove the bridge in the browser too.")
    return 0


def _registry() -> Mapping[str, type[Driver]]:
    from glassbed.drivers.registry import DRIVERS

    return DRIVERS


def _address(text: str) -> str:
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.path.strip("/"):
        raise Invalid(f"{text!r} is no address of a server. It looks like https://prints.example.org.")
    return f"{parts.scheme}://{parts.netloc}"


def _say(text: str, stream: TextIO | None = None) -> None:
    print(text, file=stream or sys.stdout)
