"""Events from a lower feature to higher ones. Subscriptions stand in wiring.py, one readable list.

A subscriber runs in the transaction of the action that tells the event, so that both happen or neither.
What leaves the process (the bus) is told after the commit.
"""

from collections.abc import Callable, Sequence
from typing import Any

_subscribers: dict[type, list[Callable[[Any], None]]] = {}


def subscribe(subscriptions: Sequence[tuple[type, Callable[[Any], None]]]) -> None:
    """Replace all subscriptions."""
    _subscribers.clear()
    for event, subscriber in subscriptions:
        _subscribers.setdefault(event, []).append(subscriber)


def tell(event: object) -> None:
    for subscriber in _subscribers.get(type(event), ()):
        subscriber(event)
