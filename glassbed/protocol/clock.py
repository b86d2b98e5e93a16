"""The server's clock as seen from the bridge.

Small boards boot with wrong clocks and are set right by leaps later. Leases must hold all the same,
so the server's time is carried on by the monotonic clock, which no leap moves.
"""

import time
from collections.abc import Callable

import msgspec


class Offset(msgspec.Struct, frozen=True):
    """What to add to a clock here to get the server's, and how far off that can be at most."""

    seconds: float
    error_s: float


def estimate(sent: float, server_time: float, received: float) -> Offset:
    """Estimate from one question: both ways are taken as equally long, as NTP does (RFC 5905, section 8).

    The server read its clock somewhere between `sent` and `received`, so the error is half of the trip.
    """
    half_trip_s = max(received - sent, 0.0) / 2
    return Offset(seconds=server_time - (sent + half_trip_s), error_s=half_trip_s)


class ServerClock:
    """The server's time now; this machine's own until the server has been asked once."""

    def __init__(
        self, steady: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._steady = steady
        self._wall = wall
        self._offset: Offset | None = None

    @property
    def is_measured(self) -> bool:
        return self._offset is not None

    @property
    def error_s(self) -> float:
        return self._offset.error_s if self._offset else float("inf")

    def mark(self) -> float:
        """Read the steady clock, for `sent` of `measured`."""
        return self._steady()

    def measured(self, sent: float, server_time: float) -> None:
        """Take the server's answer to a question asked at `sent`, received now. The newest answer counts."""
        self._offset = estimate(sent, server_time, self._steady())

    def now(self) -> float:
        """Return the server's Unix time in seconds."""
        return self._wall() if self._offset is None else self._steady() + self._offset.seconds
