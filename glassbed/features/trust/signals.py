"""What a browser says for its person without being asked: Global Privacy Control and Do Not Track.

Sources: W3C Global Privacy Control (Sec-GPC counts if and only if a value is exactly "1"); Tracking Preference
Expression (DNT: 1).
"""

from django.http import HttpRequest

from glassbed.policy.vocabulary import Pack, Signal

HEADERS: dict[Signal, str] = {"gpc": "Sec-GPC", "dnt": "DNT"}


def heard(request: HttpRequest) -> frozenset[Signal]:
    """The signals that a request carries, whether or not the pack honours them."""
    return frozenset(
        signal
        for signal, header in HEADERS.items()
        if "1" in [value.strip(" \t") for value in request.headers.get(header, "").split(",")]
    )


def honoured(request: HttpRequest, pack: Pack) -> frozenset[Signal]:
    """The signals of a request that count as a "no" under this pack."""
    return frozenset(signal for signal in heard(request) if pack.signals.get(signal, False))
