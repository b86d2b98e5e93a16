"""Every view has a purpose, or the site does not start."""

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.urls import URLPattern, URLResolver, get_resolver

from glassbed.foundation.purpose import declared_purpose


def patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every URL pattern with its whole route."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        else:
            yield route, entry


@register("glassbed")
def check_every_view_has_a_purpose(**_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"the view of {route!r} declares no purpose",
            hint="decorate it with for_purpose",
            id="glassbed.E002",
        )
        for route, pattern in patterns()
        if declared_purpose(pattern.callback) is None
    ]
