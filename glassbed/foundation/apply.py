"""Brings the database to what pack and bindings say. Where it no longer is: drift.py.

`apply` runs as the instance's deploy login (embedded: the superuser of its own cluster).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import psycopg

from glassbed.foundation import drift, logins, strangers
from glassbed.policy import compile as compiler
from glassbed.policy.binding import Binding
from glassbed.policy.pack import digest, encoded
from glassbed.policy.vocabulary import Pack

ROLE_LOCK = 0x676C6173
"""Advisory lock of the database `postgres`: parallel role DDL in one cluster fails one time in five."""

SEC_SQL = Path(compiler.__file__).with_name("sec.sql")

READERS = (
    "sec.context(), sec.me(boolean), sec.printers(integer, boolean), sec.sharing(boolean), sec.everyone(), "
    "sec.stopped(boolean), sec.given(), sec.held(boolean)"
)
"""The functions that row policies call."""

TRIGGERS = {
    "accounts_person": "follow_person",
    "printers_printer": "follow_printer",
    "printers_share": "follow_share",
    "trust_decision": "follow_decision",
    "trust_hold": "follow_hold",
}
WHEN = {"follow_share": "INSERT OR UPDATE OR DELETE", "follow_decision": "INSERT"}

GRANT_OPTIONS_SINCE = 160_000


def create_roles(
    admin: psycopg.Connection[object], pack: Pack, roles: compiler.Roles, passwords: dict[str, str]
) -> None:
    """Create the roles, give each login its password, and take from all what was given to them since.

    `admin` is connected to `postgres`. Some only a superuser takes back; drift.py finds what is left.
    """
    with admin.transaction():
        admin.execute("SELECT pg_advisory_xact_lock(%s)", [ROLE_LOCK])
        has_options = admin.info.server_version >= GRANT_OPTIONS_SINCE
        is_superuser = _is_superuser(admin)
        wanted = {(role, login) for login, role in drift.memberships(pack, roles)}
        strangers.end_memberships(admin, wanted, roles, names_grantor=has_options, is_superuser=is_superuser)
        settable = " WITH INHERIT FALSE, SET TRUE" if has_options else ""
        logins.reset(admin, roles)
        for statement in compiler.role_statements(pack, roles, settable=settable):
            admin.execute(statement)
        usable = " WITH INHERIT TRUE, SET TRUE" if has_options else ""
        admin.execute(f"GRANT {roles.owner}, {roles.sec} TO CURRENT_USER{usable}")
        logins.settle(admin, pack, roles, passwords, is_superuser=is_superuser)


def _is_superuser(admin: psycopg.Connection[object]) -> bool:
    row = cast(
        "tuple[bool] | None",
        admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER").fetchone(),
    )
    return bool(row and row[0])


def open_database(deploy: psycopg.Connection[object], roles: compiler.Roles, database: str) -> None:
    """Take from PUBLIC what it has by default, and give schemas to their owners. Run before migrations."""
    strangers.take_back_database(deploy, roles, is_superuser=_is_superuser(deploy))
    logins = ", ".join(map(roles.login, compiler.SURFACES))
    for statement in (
        f'GRANT CONNECT ON DATABASE "{database}" TO {roles.owner}, {logins}',
        f"REVOKE ALL ON SCHEMA public FROM PUBLIC, {logins}",
        f"CREATE SCHEMA IF NOT EXISTS sec AUTHORIZATION {roles.sec}",
    ):
        deploy.execute(statement)
    asked = "SELECT has_schema_privilege(%s, 'public', 'CREATE WITH GRANT OPTION')"
    row = cast("tuple[bool]", deploy.execute(asked, [roles.owner]).fetchone())
    if not row[0]:  # once: PostgreSQL refuses to grant it back to a role that it would now grant it by
        deploy.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {roles.owner} WITH GRANT OPTION")


def apply(
    deploy: psycopg.Connection[object],
    pack: Pack,
    bindings: dict[str, Binding],
    roles: compiler.Roles,
    context_secret: bytes,
) -> None:
    """Write context functions, grants and policies in one transaction, and remember the result's digest.

    Raises `compiler.Unbound` with every fault when the database has a table that no binding speaks of, and
    `strangers.Strange` when it has code that is not ours.
    """
    with deploy.transaction():
        deploy.execute("SELECT pg_advisory_xact_lock(%s)", [ROLE_LOCK])
        faults = compiler.check_bindings(pack, bindings, tables(deploy))
        if faults:
            raise compiler.Unbound("\n".join(faults))
        strangers.refuse(deploy, roles, _trigger_names(bindings))
        strangers.take_back(deploy, roles)
        _drop_stale(deploy, pack, roles)
        _sec(deploy, pack, roles, context_secret)
        deploy.execute(f"SET LOCAL ROLE {roles.owner}")
        for statement in (
            *compiler.table_statements(pack, bindings, roles),
            *_triggers(),
        ):
            deploy.execute(statement)
        _publish(deploy, pack)
        deploy.execute("RESET ROLE")
        strangers.drop_outgrown_functions(deploy, SEC_SQL.read_text(encoding="utf-8"))
        drift.remember(deploy, pack, roles)


def _publish(deploy: psycopg.Connection[object], pack: Pack) -> None:
    """Keep this version, whole, unless it is kept already."""
    deploy.execute(
        "INSERT INTO trust_policyversion (digest, pack, version, published_at, new_people, existing_people, content) "
        "VALUES (%s, %s, %s, clock_timestamp(), %s, %s, %s) ON CONFLICT (digest) DO NOTHING",
        [
            digest(pack),
            pack.pack,
            pack.version,
            pack.effective.new_people,
            pack.effective.existing_people,
            encoded(pack),
        ],
    )


STALE = """
SELECT rolname::text, EXISTS (
    SELECT FROM pg_shdepend d
     WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.dbid <> 0
       AND d.dbid <> (SELECT oid FROM pg_database WHERE datname = current_database()))
  FROM pg_roles r WHERE rolname ~ %s AND rolname <> ALL (%s)
"""


def _drop_stale(deploy: psycopg.Connection[object], pack: Pack, roles: compiler.Roles) -> None:
    """Drop what an earlier pack left: the roles of activities and purposes that there no longer are.

    One that another database of the cluster still names (a copy, say) loses its rights here and can't be taken.
    """
    logins = ", ".join(map(roles.login, compiler.SURFACES))
    stale = deploy.execute(STALE, [f"^gb_{roles.key}_[ap]_", roles.taken(pack)]).fetchall()
    for role, is_used_elsewhere in cast("list[tuple[str, bool]]", stale):
        deploy.execute(f"GRANT {role} TO CURRENT_USER")
        for grantor in (roles.owner, roles.sec):  # what a role without superuser granted, only it takes back
            deploy.execute(f"SET LOCAL ROLE {grantor}")
            deploy.execute(f"REVOKE ALL ON SCHEMA public, sec FROM {role}")
            deploy.execute("RESET ROLE")
        deploy.execute(f"DROP OWNED BY {role}")
        revoked = f"REVOKE {role} FROM {logins}, CURRENT_USER"
        deploy.execute(revoked if is_used_elsewhere else f"DROP ROLE {role}")


def _sec(deploy: psycopg.Connection[object], pack: Pack, roles: compiler.Roles, secret: bytes) -> None:
    deploy.execute(f"SET LOCAL ROLE {roles.sec}")
    deploy.execute(SEC_SQL.read_text(encoding="utf-8"))
    block = secret.ljust(hashlib.sha256().block_size, b"\0")
    pads = [bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C)]
    deploy.execute(
        "INSERT INTO sec.secret (inner_pad, outer_pad) VALUES (%s, %s) ON CONFLICT (one) "
        "DO UPDATE SET inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad",
        pads,
    )
    for statement in compiler.state_statements(pack, roles):
        deploy.execute(statement)
    purposes = ", ".join(roles.taken(pack))
    logins = ", ".join(map(roles.login, compiler.SURFACES))
    for statement in (
        f"GRANT USAGE ON SCHEMA sec TO {roles.owner}, {purposes}, {logins}",
        f"GRANT EXECUTE ON FUNCTION {READERS} TO {roles.owner}, {purposes}",
        f"GRANT EXECUTE ON FUNCTION sec.astray(boolean) TO {logins}",
        f"GRANT EXECUTE ON FUNCTION sec.expire(timestamptz) TO {roles.purpose('tidying')}",
        f"GRANT EXECUTE ON FUNCTION sec.follow_person(), sec.follow_printer(), sec.follow_share(), sec.follow_decision(), sec.follow_hold(), sec.keep_person() TO {roles.owner}",
        f"GRANT SELECT ON sec.applied, sec.catalogue, sec.purpose, sec.bit TO {logins}",
    ):
        deploy.execute(statement)
    deploy.execute("RESET ROLE")


def _triggers() -> list[str]:
    statements = []
    for table, function in TRIGGERS.items():
        when = WHEN.get(function, "INSERT OR DELETE")
        each = f"FOR EACH ROW EXECUTE FUNCTION sec.{function}()"
        statements.append(f"CREATE OR REPLACE TRIGGER gb_follow AFTER {when} ON {table} {each}")
    return statements


def _trigger_names(bindings: Mapping[str, Binding]) -> set[tuple[str, str]]:
    """Table and name of every trigger that we make."""
    kept = {
        (table, f"gb_keep_{column}")
        for table, binding in bindings.items()
        for column in compiler.direct_owners(binding)
    }
    return kept | {(table, "gb_follow") for table in TRIGGERS}


def tables(connection: psycopg.Connection[object]) -> frozenset[str]:
    """Return every table and view of the schema public, from the database's own catalogue."""
    rows = connection.execute(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    )
    return frozenset(cast("tuple[str]", row)[0] for row in rows)
