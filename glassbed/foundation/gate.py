"""The only way out to a recipient: what the policy does not declare does not leave, and what leaves is recorded."""

from collections.abc import Callable, Mapping
from uuid import UUID

from django.conf import settings

from glassbed.foundation import outbound
from glassbed.foundation.ledger import note
from glassbed.foundation.outbound import Undeclared
from glassbed.policy.vocabulary import Disclosure

SERVERS: Mapping[str, Callable[[], str | None]] = {"mail_server": lambda: settings.GLASSBED.smtp_url}
"""Recipient of the policy → the URL of its server: who sends can't name another."""


def declared(way: str, fields: Mapping[str, object]) -> Disclosure:
    """Return what the policy says of a way out that would send these fields. Raises `Undeclared`."""
    found: Disclosure | None = settings.GLASSBED_PACK.disclosures.get(way)
    if found is None:
        raise Undeclared(
            f"{way!r} is no disclosure of the policy: declare it, with its recipient and its fields."
        )
    if more := fields.keys() - set(found.fields):
        raise Undeclared(
            f"{way!r} would send {', '.join(sorted(more))}, which the policy does not list for it."
        )
    if less := set(found.fields) - fields.keys():
        raise Undeclared(f"{way!r} does not send {', '.join(sorted(less))}: the policy must not list it.")
    return found


def record(way: str, fields: Mapping[str, object], *, person: UUID | None, **ids: UUID | str) -> None:
    """Write a disclosure into the record, for the person to see. `ids` say of what; values never go in.

    Within the transaction that hands it over, or after it has left. Purpose: one that appends to `ledger`.
    """
    found = declared(way, fields)
    note("disclosed", person=person, way=way, to=found.to, categories=" ".join(found.categories), **ids)


def hand_over(way: str, fields: Mapping[str, str], send: Callable[[str, Mapping[str, str]], None]) -> None:
    """Let `send` reach the recipient's server, whose URL it gets, with exactly these fields. Raises `Undeclared`."""
    to = declared(way, fields).to
    server = SERVERS[to]() if to in SERVERS else None
    if server is None:
        raise Undeclared(f"{way!r} goes to {to!r}, of whom this Glassbed knows no server.")
    with outbound.opened(server):
        send(server, fields)
