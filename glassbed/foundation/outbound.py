"""The guard over a process's own sockets: beneath the gate, and knowing nothing of it.

A connection or a look-up of a name that neither one of our servers nor an open way asks for fails, whatever library
tries it, and so does a program started from here. It stands on Python's audit events, which can't be taken off again. It
is there against what nobody thought of, not against code that means to get past it: see ADR 0015.
"""

import asyncio
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from glassbed.protocol.errors import PolicyRefused


class Undeclared(PolicyRefused):
    """The policy does not declare this way out. Nothing was sent; declare it under 'disclosures', or drop it."""


class Place(NamedTuple):
    """A server. Its addresses are looked up when they are asked for."""

    host: str
    port: int

    def has(self, address: str, port: int) -> bool:
        return port == self.port and (address == self.host or address in _addresses(self.host))


PORTS = {
    "nats": 4222,
    "tls": 4222,
    "postgresql": 5432,
    "postgres": 5432,
    "smtp": 587,
    "smtps": 465,
    "https": 443,
}


class Way:
    """A server that whoever opened it may reach until it is closed: no other thread or task, though they inherit it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._opener = _running()
        self._is_closed = False

    def is_open(self) -> bool:
        return not self._is_closed and self._opener == _running()

    def close(self) -> None:
        self._is_closed = True


_ways: ContextVar[tuple[Way, ...]] = ContextVar("ways", default=())


def place_of(url: str) -> Place:
    parts = urlsplit(url)
    return Place(str(parts.hostname), parts.port or PORTS[parts.scheme])


def _running() -> tuple[int, object]:
    """The thread, and the task in it if there is one."""
    try:
        return threading.get_ident(), asyncio.current_task()
    except RuntimeError:
        return threading.get_ident(), None


@contextmanager
def opened(server: str) -> Iterator[None]:
    """Let this thread, or this task of it, reach one more server, a URL. For the gate alone."""
    way = Way(place_of(server))
    before = _ways.set((*_ways.get(), way))
    try:
        yield
    finally:
        way.close()
        _ways.reset(before)


def guard(*servers: str) -> None:
    """From now on this process reaches its own servers (URLs) and what a way opens, and nothing else. Can't be undone."""
    own, watched = tuple(map(place_of, servers)), WATCHED  # held here: who changes the module changes nothing

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in watched:
            return
        allowed = (*own, *(way.place for way in _ways.get() if way.is_open()))
        if not watched[event](arguments, allowed):
            raise Undeclared(
                f"{event} to {arguments[-1] if event in TO_ADDRESS else arguments[0]}: no disclosure of the policy is"
                " open for it. Declare the recipient under 'disclosures' and send through the gate."
            )

    sys.addaudithook(refuse)
    global _stands  # noqa: PLW0603 -- there is one guard a process, and it never leaves
    _stands = True


_stands = False


def stands() -> bool:
    """Whether this process is guarded."""
    return _stands


def _is_allowed_address(arguments: tuple[Any, ...], allowed: tuple[Place, ...]) -> bool:
    sock, address = arguments
    if sock.family == socket.AF_UNIX or address is None:
        return True
    return any(place.has(str(address[0]), int(address[1])) for place in allowed)


def _is_allowed_end(arguments: tuple[Any, ...], allowed: tuple[Place, ...]) -> bool:
    host, port, *_ = arguments[0]
    return any(place.has(str(host), int(port)) for place in allowed)


def _is_allowed_name(arguments: tuple[Any, ...], allowed: tuple[Place, ...]) -> bool:
    """Also asked while a place's own addresses are looked up, and then by its name: that ends here."""
    host = _name(arguments[0])
    return host is None or _is_literal(host) or any(place.host == host for place in allowed)


def _is_allowed_asking_back(arguments: tuple[Any, ...], allowed: tuple[Place, ...]) -> bool:
    """Here an address is looked up too: what its name is."""
    return any(place.host == _name(arguments[0]) for place in allowed)


def _never(arguments: tuple[Any, ...], allowed: tuple[Place, ...]) -> bool:
    return False


def _name(host: str | bytes | None) -> str | None:
    return host.decode() if isinstance(host, bytes) else host


def _is_literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False


TO_ADDRESS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
WATCHED: Mapping[str, Callable[[tuple[Any, ...], tuple[Place, ...]], bool]] = MappingProxyType(
    dict.fromkeys(TO_ADDRESS, _is_allowed_address)
    | dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname"), _is_allowed_name)
    | {"socket.gethostbyaddr": _is_allowed_asking_back, "socket.getnameinfo": _is_allowed_end}
    | dict.fromkeys(("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"), _never)
)


def _addresses(host: str) -> frozenset[str]:
    try:
        return frozenset(str(found[4][0]) for found in socket.getaddrinfo(host, None))
    except OSError:
        return frozenset()
