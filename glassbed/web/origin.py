"""Where a request comes from, as far as that decides anything: from this machine itself, or not."""

from django.http import HttpRequest

from glassbed.foundation.config import is_loopback

PROXY_HEADERS = frozenset(
    {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}
)


def comes_from_this_machine(request: HttpRequest) -> bool:
    """Whether the peer is this machine and no proxy, declared or not, has passed the request on."""
    return is_loopback(request.META.get("REMOTE_ADDR", "")) and not PROXY_HEADERS & request.headers.keys()
