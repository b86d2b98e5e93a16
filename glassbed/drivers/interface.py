"""What a driver is: a way to read one printer host and to tell it what to do.

A driver holds no policy. It connects, yields complete readings as the host gives them, and carries
out single orders. The bridge reconnects, keeps time, compares states, computes deltas and logs.
One contract suite (tests/drivers/contract) runs on every driver.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator
from enum import StrEnum
from typing import ClassVar

import aiohttp
import msgspec

from glassbed.protocol.messages import Found, HostFacts
from glassbed.protocol.reading import Reading


class Capability(StrEnum):
    """What a host can be asked for. The page shows only what fits."""

    PRINT = "print"
    PAUSE = "pause"
    CANCEL = "cancel"
    EMERGENCY_STOP = "emergency_stop"
    RESTART = "restart"


class HostError(Exception):
    """The host could not do what was asked; the text is for the person."""


class HostUnreachable(HostError):
    """The printer's host does not answer. Is it switched on, and is the address right?"""


class HostRefused(HostError):
    """The host does not accept the key. Enter a new one on the printer's page."""


class HostConflict(HostError):
    """The printer can't do that in its present state."""


class HostFault(HostError):
    """The host reported an error, in its own words."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file on its way to the host.

    `chunks` is read once, in order, and holds `size_bytes` bytes in all.
    """

    name: str  # a bare file name, already made safe
    size_bytes: int
    chunks: AsyncIterable[bytes]


class Driver(ABC):
    """One printer host.

    Every method raises `HostUnreachable`, `HostRefused`, `HostConflict` or `HostFault`, and
    `protocol.errors.ProtocolViolation` on bytes that the protocol does not know; nothing else.
    `session` belongs to the caller and is not closed here; its time-outs are set by the driver per call.
    """

    name: ClassVar[str]  # the registry's key: "octoprint"
    title: ClassVar[str]  # "OctoPrint"
    capabilities: ClassVar[frozenset[Capability]]
    needs_key: ClassVar[bool] = True
    can_ask_key: ClassVar[bool] = False
    mdns_type: ClassVar[str | None] = None  # "_octoprint._tcp.local."

    def __init__(self, address: str, key: str | None, session: aiohttp.ClientSession) -> None:
        """Take the host's address ("http://host:port", or a bare host) without connecting."""
        self.address = address
        self.key = key
        self.session = session

    @abstractmethod
    async def facts(self) -> HostFacts:
        """Ask the host who it is. Proves address and key."""

    @abstractmethod
    def readings(self) -> AsyncIterator[Reading]:
        """Yield a complete reading at once and then as the host reports, at most 4 a second.

        Ends by raising: `HostUnreachable` when the host is gone. A printer that is off or in error
        behind a host that answers is a reading, not an error. Closed with `aclose()`.
        """

    @abstractmethod
    async def print(self, upload: Upload) -> None:
        """Hand over the file and start it. Returns when the host has accepted both."""

    @abstractmethod
    async def pause(self) -> None: ...

    @abstractmethod
    async def resume(self) -> None: ...

    @abstractmethod
    async def cancel(self) -> None: ...

    async def emergency_stop(self) -> None:
        """Stop heaters and motors at once."""
        raise HostConflict("This host has no emergency stop that can be reached from here.")

    async def restart(self) -> None:
        """Bring the printer back after an emergency stop or a firmware fault."""
        raise HostConflict("This host can't be restarted from here.")

    async def ask_key(self) -> AsyncIterator[str]:
        """Ask a person at the host for a key: yield first where they decide, then the key itself.

        Raises `HostRefused` when they say no, `HostUnreachable` when nobody answers in time.
        """
        raise HostConflict("This host does not hand out keys.")
        yield ""

    @classmethod
    def announced(cls, name: str, host: str, port: int, properties: dict[str, str]) -> Found | None:  # noqa: ARG003 -- drivers read it
        """Turn an mDNS announcement of `mdns_type` into a found host, or nothing if it is none."""
        return Found(driver=cls.name, address=f"http://{host}:{port}", name=name)
