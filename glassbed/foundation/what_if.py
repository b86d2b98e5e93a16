"""What another pack would change on this instance, in words and numbers, before anything is applied."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import sql

from glassbed.policy import compile as compiler
from glassbed.policy import diff, rulebook
from glassbed.policy.binding import Binding, Bound
from glassbed.policy.program import PURPOSES
from glassbed.policy.vocabulary import Pack

Connection = psycopg.Connection[Any]


def report(
    deploy: Connection,
    old: Pack,
    new: Pack,
    bindings: Mapping[str, Binding],
    roles: compiler.Roles,
) -> dict[str, list[str]]:
    """Heading → sentences; a heading without any stands too, so that "nothing" is said. Reads as the deploy login."""
    return {
        "Changes": [f"{change.effect}: {change.words}" for change in diff.changes(old, new)],
        "People to ask again": list(_people(deploy, old, new)),
        "Grants": list(_grants(old, new, bindings, roles)),
        "Features that stop": list(_features(old, new)),
        "Rows that fall due": list(_due(deploy, old, new, bindings)),
    }


def _people(deploy: Connection, old: Pack, new: Pack) -> Iterator[str]:
    for activity in sorted(diff.asks_again(old, new)):
        row = deploy.execute(
            "SELECT count(*) FROM sec.choice WHERE activity = %s AND open", [activity]
        ).fetchone()
        agreed = row[0] if row else 0
        yield f"{activity}: {agreed} who agreed, and everybody else when they are asked"


def _grants(old: Pack, new: Pack, bindings: Mapping[str, Binding], roles: compiler.Roles) -> Iterator[str]:
    before, after = (
        {
            (grant.role, grant.table, p)
            for grant in compiler.grants(pack, bindings, roles)
            for p in grant.privileges
        }
        for pack in (old, new)
    )
    for role, table, privilege in sorted(after - before):
        yield f"{role} gets {privilege} on {table}"
    for role, table, privilege in sorted(before - after):
        yield f"{role} loses {privilege} on {table}"


def _features(old: Pack, new: Pack) -> Iterator[str]:
    runs = rulebook.activity_of(new)
    lost = {purpose for purpose in PURPOSES if purpose not in runs} | rulebook.missing(new).keys()
    for key, feature in old.features.items():
        needed = {
            purpose
            for activity in feature.activities
            if activity in old.activities
            for purpose in old.activities[activity].purposes
        }
        if key not in new.features or not new.features[key].on:
            yield f"{key} ({feature.title}): the pack does not have it"
        elif needed & lost:
            yield f"{key} ({feature.title}): nothing allows {', '.join(sorted(needed & lost))}"


def _due(deploy: Connection, old: Pack, new: Pack, bindings: Mapping[str, Binding]) -> Iterator[str]:
    for table, binding in sorted(bindings.items()):
        if not isinstance(binding, Bound) or binding.moment is None:
            continue
        before, after = (pack.retention.get(binding.retention) for pack in (old, new))
        if after is None or after.days is None or (before and before.days and before.days <= after.days):
            continue
        query = sql.SQL("SELECT count(*) FROM {} WHERE {} < now() - make_interval(days => {})").format(
            sql.Identifier(table), sql.Identifier(binding.moment), sql.Literal(after.days)
        )
        row = deploy.execute(query).fetchone()
        if row and row[0]:
            yield f"{table}: {row[0]} older than {after.days} days ({binding.retention})"
