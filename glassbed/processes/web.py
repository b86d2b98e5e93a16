"""The web process: granian, with `live` before Django on one port and one origin.

Sockets stay in the event loop; pages are plain synchronous Django in a few threads, as is what takes long in others.
"""

import asyncio
import logging
import signal
from pathlib import Path
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from granian.constants import Interfaces
from granian.server.embed import Server

from glassbed.foundation import log
from glassbed.foundation.config import split_address
from glassbed.foundation.setup import close_the_ways_out, setup_django
from glassbed.processes.live import LiveApp
from glassbed.processes.patience import answer, lanes, unhurried

logger = logging.getLogger(__name__)
PAGE_THREADS = 4
CONNECTIONS = 4096
HEALTH_PATH = "/healthz"


def main(argv: list[str]) -> int:
    if argv:
        print("glassbed web takes no arguments")
        return 2
    setup_django("web")
    close_the_ways_out()
    refuse_drift()
    asyncio.run(serve())
    return 0


def refuse_drift() -> None:
    """Raise `Drift` or `TalkativeDatabase` when the database is not as it has to be: then nothing is served."""
    from django.conf import settings

    from glassbed.foundation.bindings import bindings
    from glassbed.foundation.database import plain_login
    from glassbed.foundation.drift import verify
    from glassbed.foundation.logins import require_quiet

    with plain_login() as connection:
        require_quiet(connection, settings.DATABASES["default"]["USER"])
        verify(connection, settings.GLASSBED_PACK, bindings(), settings.GLASSBED_ROLES)


async def serve() -> None:
    """Serve until SIGTERM or SIGINT."""
    from django.conf import settings
    from django.core.checks import run_checks
    from django.core.wsgi import get_wsgi_application

    if faults := run_checks(tags=["glassbed"]):
        raise SystemExit("\n".join(str(fault) for fault in faults))
    live = LiveApp(
        nats_url=settings.INSTANCE.nats_url,
        secret=settings.GLASSBED.secret("tickets"),
        origins=origins(),
    )
    django = cast("Any", get_wsgi_application())
    among = lanes()
    patient = unhurried(
        WSGIMiddleware(
            django, workers=PAGE_THREADS, send_queue_size=0
        ),  # no thread waits for a page's reader
        WSGIMiddleware(django, workers=sum(lane.threads for lane in among)),
        among,
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await live(scope, receive, send)
        elif scope["path"] == HEALTH_PATH:
            await answer(send, 200, b"ok\n")  # tells that this loop runs, whatever the threads wait for
        else:
            await patient(with_one_cookie_header(scope), receive, send)

    host, port = split_address(settings.GLASSBED.listen)
    cert, key = certificate()
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        log_enabled=False,
        ssl_cert=cert,
        ssl_key=key,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    log.event(logger, "web_started")
    await server.serve()
    await live.stop()


def with_one_cookie_header(scope: Any) -> Any:
    """Join the cookies that a browser sent one by one, as HTTP/2 lets it (RFC 9113, 8.2.3); WSGI would use commas."""
    cookies = [value for name, value in scope["headers"] if name == b"cookie"]
    if len(cookies) <= 1:
        return scope
    others = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
    return {**scope, "headers": [*others, (b"cookie", b"; ".join(cookies))]}


def origins() -> frozenset[str]:
    """The origins of our own pages: the public one, and on plain loopback its other names."""
    from django.conf import settings

    found = {settings.GLASSBED.public_url}
    if not settings.SECURE:
        port = split_address(settings.GLASSBED.listen)[1]
        found |= {f"http://{host}:{port}" for host in ("localhost", "127.0.0.1")}
    return frozenset(found)


def certificate() -> tuple[Path | None, Path | None]:
    """Certificate and key to serve with, if we encrypt ourselves."""
    from django.conf import settings

    from glassbed.processes import authority

    config = settings.GLASSBED
    if config.tls == "files":
        return config.tls_cert, config.tls_key
    if config.tls == "local":
        return authority.certificate_for(config.home, config.public_url)
    return None, None
