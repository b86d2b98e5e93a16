"""Finds where the database is not what the policy pack makes of it, in words.

Two comparisons. The compiled one: grants, row policies, memberships and bits are what pack and bindings give, nothing
more and nothing less. The remembered one: every word of the catalogue that decides who may read what (catalogue.sql),
bodies of functions and conditions of policies included, is as `apply` left it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from glassbed.foundation import logins, strangers
from glassbed.policy import compile as compiler
from glassbed.policy import rulebook
from glassbed.policy.binding import Binding, Bound
from glassbed.policy.pack import digest
from glassbed.policy.vocabulary import Pack

Connection = psycopg.Connection[Any]


class Drift(Exception):
    """The database is not what the policy pack makes of it. Nothing is served; run `glassbed prepare`; a superuser undoes what is left."""


def remember(deploy: Connection, pack: Pack, roles: compiler.Roles) -> None:
    """Write down the catalogue as it is. Within the transaction of `apply`."""
    rows = _catalogue(deploy, roles)
    deploy.execute("DELETE FROM sec.catalogue")
    deploy.execute("DELETE FROM sec.applied")
    for row in rows:
        deploy.execute("INSERT INTO sec.catalogue (kind, name, said) VALUES (%s, %s, %s)", row)
    deploy.execute("INSERT INTO sec.applied (pack, at) VALUES (%s, clock_timestamp())", [digest(pack)])


def verify(
    connection: Connection, pack: Pack, bindings: Mapping[str, Binding], roles: compiler.Roles
) -> None:
    """Raise `Drift`, with each finding on a line, unless the database is what pack and bindings make of it."""
    if found := findings(connection, pack, bindings, roles):
        raise Drift("\n".join([str(Drift.__doc__), *found]))


def findings(
    connection: Connection, pack: Pack, bindings: Mapping[str, Binding], roles: compiler.Roles
) -> list[str]:
    """Every difference, one sentence each. Needs a transaction; any login of ours may ask."""
    connection.execute("SELECT set_config('search_path', 'pg_catalog', true)")
    applied = connection.execute("SELECT pack FROM sec.applied").fetchone()
    if applied is None:
        return ["No policy was ever applied to this database."]
    if applied[0] != digest(pack):
        return ["The policy pack is not the one that was applied."]
    return [
        *_remembered(connection, roles),
        *compared(connection, pack, bindings, roles),
        *_astray(connection),
    ]


def compared(
    connection: Connection, pack: Pack, bindings: Mapping[str, Binding], roles: compiler.Roles
) -> list[str]:
    """Every difference between the database and what pack and bindings compile to, whichever pack was applied."""
    connection.execute("SELECT set_config('search_path', 'pg_catalog', true)")
    return [
        *_grants(connection, pack, bindings, roles),
        *_policies(connection, pack, bindings, roles),
        *_memberships(connection, pack, roles),
        *_bits(connection, pack, roles),
        *_forced(connection, bindings),
        *_publications(connection),
        *logins.findings(connection, roles),
        *strangers.findings(connection, roles),
    ]


def _remembered(connection: Connection, roles: compiler.Roles) -> Iterator[str]:
    was: dict[tuple[str, str], list[str]] = {}
    for kind, name, said in connection.execute("SELECT kind, name, said FROM sec.catalogue"):
        was.setdefault((kind, name), []).append(str(said))
    now: dict[tuple[str, str], list[str]] = {}
    for kind, name, said in _catalogue(connection, roles):
        now.setdefault((kind, name), []).append(str(said))
    for kind, name in sorted(was.keys() | now.keys()):
        before, after = (sorted(side.get((kind, name), [])) for side in (was, now))
        if kind == "setting" and after and name.startswith(f"gb_{roles.key}_"):
            continue  # logins.py judges its value; a superuser may set the right one at any time
        if before != after:
            verb = "is gone" if not after else "was added" if not before else "was changed"
            yield f"{kind} {name} {verb} since the policy was applied"


def _grants(
    connection: Connection, pack: Pack, bindings: Mapping[str, Binding], roles: compiler.Roles
) -> Iterator[str]:
    wanted = {
        (grant.role, grant.table, privilege)
        for grant in compiler.grants(pack, bindings, roles)
        for privilege in grant.privileges
    }
    found = set(
        connection.execute(
            "SELECT CASE a.grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee) END, c.relname::text, "
            "a.privilege_type FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind <> 'S' AND a.grantee <> c.relowner"
        )
    )
    for role, table, privilege in sorted(found - wanted):
        yield f"{role} may {privilege} on {table}, and pack and bindings do not say so"
    for role, table, privilege in sorted(wanted - found):
        yield f"{role} may not {privilege} on {table}, and pack and bindings say it may"


def _policies(
    connection: Connection, pack: Pack, bindings: Mapping[str, Binding], roles: compiler.Roles
) -> Iterator[str]:
    wanted = {
        (policy.table, policy.name): (policy.command, frozenset(policy.roles))
        for policy in compiler.row_policies(pack, bindings, roles)
    }
    rows = connection.execute(
        "SELECT tablename::text, policyname::text, cmd, roles::text[] FROM pg_policies WHERE schemaname = 'public'"
    )
    found = {(table, name): (command, frozenset(to)) for table, name, command, to in rows}
    for table, name in sorted(wanted.keys() | found.keys()):
        is_wanted, is_found = (table, name) in wanted, (table, name) in found
        if not is_found:
            yield f"row policy {name} of {table} is missing"
        elif not is_wanted:
            yield f"row policy {name} of {table} is not of the pack"
        elif wanted[table, name] != found[table, name]:
            yield f"row policy {name} of {table} is for other roles or commands than the pack says"


def memberships(pack: Pack, roles: compiler.Roles) -> set[tuple[str, str]]:
    """Which login may take which role."""
    return {
        (roles.login(surface), role)
        for surface in compiler.SURFACES
        for role in (roles.technical, *compiler.taken_by(surface, pack, roles))
    }


MEMBERS = """
SELECT pg_get_userbyid(m.member)::text, pg_get_userbyid(m.roleid)::text
  FROM pg_auth_members m JOIN pg_database d ON d.datname = current_database()
 WHERE pg_get_userbyid(m.member) ~ %(ours)s
    OR (pg_get_userbyid(m.roleid) ~ %(ours)s AND NOT pg_has_role(m.member, d.datdba, 'MEMBER'))
"""
"""But of the database's owner: it prepares."""


def _memberships(connection: Connection, pack: Pack, roles: compiler.Roles) -> Iterator[str]:
    wanted = memberships(pack, roles)
    found = set(connection.execute(MEMBERS, {"ours": logins.pattern(roles)}))
    for member, role in sorted(found - wanted):
        yield f"{member} may take {role}, and the pack does not say so"
    for member, role in sorted(wanted - found):
        yield f"{member} may not take {role}, and the pack says it may"


def _bits(connection: Connection, pack: Pack, roles: compiler.Roles) -> Iterator[str]:
    bits = {
        (number, bit.activity, bit.asked is not None, bit.opens, tuple(bit.despite))
        for bit, number in rulebook.bits(pack).items()
    }
    rows = connection.execute("SELECT bit, activity, asked, opens, despite FROM sec.bit")
    if {(*row[:4], tuple(row[4])) for row in rows} != bits:
        yield "what people can stop is not what the pack says (sec.bit)"
    if set(connection.execute(_STATES)) != set(compiler.states(pack, roles)):
        yield "the bits of purposes are not what the pack says (sec.purpose)"


_STATES = sql.SQL("SELECT role::text, bit, asked_bit, asked_opens, everyone FROM sec.purpose")


def _forced(connection: Connection, bindings: Mapping[str, Binding]) -> Iterator[str]:
    rows = connection.execute(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relrowsecurity AND relforcerowsecurity"
    )
    forced = {name for (name,) in rows}
    for table, binding in sorted(bindings.items()):
        if isinstance(binding, Bound) and table not in forced:
            yield f"table {table} does not force its row policies"


def _astray(connection: Connection) -> Iterator[str]:
    """Compare what people's rights are worked out from with what they decided: data, which no catalogue shows."""
    row = connection.execute("SELECT sec.astray()").fetchone()
    if row and row[0]:
        yield f"of {row[0]} people, what they may stop or agreed to does not follow from their decisions and holds"


def _publications(connection: Connection) -> Iterator[str]:
    for (name,) in connection.execute("SELECT pubname::text FROM pg_publication"):
        yield f"publication {name} sends rows out of the database, past every policy"


def _catalogue(connection: Connection, roles: compiler.Roles) -> list[tuple[str, str, str | None]]:
    """All that decides who may read what. The search path has to be pg_catalog, so that names come out alike."""
    connection.execute("SELECT set_config('search_path', 'pg_catalog', true)")
    return connection.execute(CATALOGUE, {"ours": logins.pattern(roles)}).fetchall()


CATALOGUE = Path(__file__).with_name("catalogue.sql").read_bytes()
