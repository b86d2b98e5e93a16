"""Brings the database to what pack and bindings say, and finds where it no longer is.

`apply` runs as the instance's deploy login (embedded: the superuser of its own cluster).
"""

import hashlib
import hmac
from pathlib import Path
from typing import cast

import psycopg
from psycopg import sql

from glassbed.policy import compile as compiler
from glassbed.policy.binding import Binding
from glassbed.policy.pack import digest
from glassbed.policy.vocabulary import Pack

ROLE_LOCK = 0x676C6173
"""Advisory lock of the database `postgres`: parallel role DDL in one cluster fails one time in five."""

SEC_SQL = Path(compiler.__file__).with_name("sec.sql")

READERS = "sec.context(), sec.me(), sec.printers(integer), sec.sharing(), sec.everyone(), sec.stopped()"
"""The functions that row policies call."""

TRIGGERS = {
    "accounts_person": "follow_person",
    "printers_printer": "follow_printer",
    "printers_share": "follow_share",
}

CATALOGUE = """
SELECT 'policy', schemaname || '.' || tablename || '.' || policyname,
       concat_ws('|', permissive, roles::text, cmd, qual, with_check)
  FROM pg_policies
UNION ALL
SELECT 'table', n.nspname || '.' || c.relname,
       concat_ws('|', c.relkind, pg_get_userbyid(c.relowner), c.relrowsecurity, c.relforcerowsecurity,
                 c.relacl::text, array_to_string(c.reloptions, ','))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'sec') AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
UNION ALL
SELECT 'column', a.attrelid::regclass || '.' || a.attname, a.attacl::text
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'sec') AND a.attacl IS NOT NULL
UNION ALL
SELECT 'function', p.oid::regprocedure::text,
       concat_ws('|', p.prosecdef, pg_get_userbyid(p.proowner), p.proacl::text, p.proconfig::text, md5(p.prosrc))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname IN ('public', 'sec')
UNION ALL
SELECT 'trigger', t.tgrelid::regclass || '.' || t.tgname, concat_ws('|', t.tgenabled, t.tgfoid::regproc)
  FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT 'role', r.rolname, concat_ws('|', r.rolsuper, r.rolbypassrls, r.rolcanlogin, r.rolcreaterole, r.rolinherit)
  FROM pg_roles r WHERE r.rolname LIKE %(roles)s
UNION ALL
SELECT 'member', m.member::regrole || ' of ' || m.roleid::regrole, (to_jsonb(m) - 'oid' - 'roleid' - 'member' - 'grantor')::text
  FROM pg_auth_members m WHERE m.member::regrole::text LIKE %(roles)s
UNION ALL
SELECT 'purpose', p.role, concat_ws('|', p.bit, p.everyone) FROM sec.purpose p
UNION ALL
SELECT 'schema', n.nspname, n.nspacl::text FROM pg_namespace n WHERE n.nspname IN ('public', 'sec')
ORDER BY 1, 2, 3
"""


QUIET = {
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "log_parameter_max_length_on_error": "0",
    "track_activities": "off",
}
"""What keeps people's values out of the server's log and out of pg_stat_activity."""

LARGE_OBJECTS = ("lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)")

GRANT_OPTIONS_SINCE = 160_000


class TalkativeDatabase(Exception):
    """The database would write people's values into its log. Nothing is served until a superuser ran what follows."""


class Drift(Exception):
    """The database no longer is what the policy pack made it. Nothing is served; run `glassbed prepare`."""


def create_roles(
    admin: psycopg.Connection[object], pack: Pack, roles: compiler.Roles, passwords: dict[str, str]
) -> None:
    """Create the roles and give each surface's login its password. `admin` is connected to `postgres`."""
    with admin.transaction():
        admin.execute("SELECT pg_advisory_xact_lock(%s)", [ROLE_LOCK])
        has_options = admin.info.server_version >= GRANT_OPTIONS_SINCE
        settable = " WITH INHERIT FALSE, SET TRUE" if has_options else ""
        for statement in compiler.role_statements(pack, roles, settable=settable):
            admin.execute(statement)
        usable = " WITH INHERIT TRUE, SET TRUE" if has_options else ""
        admin.execute(f"GRANT {roles.owner}, {roles.sec} TO CURRENT_USER{usable}")
        is_superuser = _is_superuser(admin)
        for surface, password in passwords.items():
            login = roles.login(surface)
            sealed = admin.pgconn.encrypt_password(
                password.encode(), login.encode(), b"scram-sha-256"
            ).decode()
            admin.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), sql.Literal(sealed))
            )
            if is_superuser:
                for statement in quieting(login):
                    admin.execute(statement)
        if is_superuser:
            for role in roles.every(pack):  # whatever was given to one of them by hand ends here
                admin.execute(
                    f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION"
                )


def quieting(login: str) -> list[str]:
    """Statements, for a superuser, after which the database's log and statistics hold no values of a login's queries."""
    return [f"ALTER ROLE {login} SET {name} = '{value}'" for name, value in QUIET.items()]


def require_quiet(connection: psycopg.Connection[object], login: str) -> None:
    """Raise `TalkativeDatabase` with the statements to run when this login's queries would leak into the log."""
    for name, value in QUIET.items():
        row = cast("tuple[str]", connection.execute("SELECT current_setting(%s)", [name]).fetchone())
        if row[0] != value:
            statements = ";\n".join(quieting(login))
            raise TalkativeDatabase(f"{TalkativeDatabase.__doc__}\n{statements};")


def _is_superuser(admin: psycopg.Connection[object]) -> bool:
    row = cast(
        "tuple[bool] | None",
        admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER").fetchone(),
    )
    return bool(row and row[0])


def open_database(deploy: psycopg.Connection[object], roles: compiler.Roles, database: str) -> None:
    """Take from PUBLIC what it has by default, and give schemas to their owners. Run before migrations."""
    logins = ", ".join(map(roles.login, compiler.SURFACES))
    for statement in (
        f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC',
        f'GRANT CONNECT ON DATABASE "{database}" TO {roles.owner}, {logins}',
        f"REVOKE ALL ON SCHEMA public FROM PUBLIC, {logins}",
        f"CREATE SCHEMA IF NOT EXISTS sec AUTHORIZATION {roles.sec}",
    ):
        deploy.execute(statement)
    if _is_superuser(deploy):
        for function in LARGE_OBJECTS:  # a store beside the tables, which no binding would see
            deploy.execute(f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC")
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

    Raises `compiler.Unbound` with every fault when the database has a table that no binding speaks of.
    """
    with deploy.transaction():
        deploy.execute("SELECT pg_advisory_xact_lock(%s)", [ROLE_LOCK])
        faults = compiler.check_bindings(pack, bindings, tables(deploy))
        if faults:
            raise compiler.Unbound("\n".join(faults))
        _sec(deploy, pack, roles, context_secret)
        deploy.execute(f"SET LOCAL ROLE {roles.owner}")
        for statement in (
            *compiler.table_statements(pack, bindings, roles),
            *_triggers(),
            *_functions(roles),
        ):
            deploy.execute(statement)
        deploy.execute("RESET ROLE")
        deploy.execute(
            "INSERT INTO sec.applied (pack, catalogue, at) VALUES (%s, %s, clock_timestamp()) ON CONFLICT (one) "
            "DO UPDATE SET pack = excluded.pack, catalogue = excluded.catalogue, at = excluded.at",
            [digest(pack), catalogue_digest(deploy, roles)],
        )


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
    _keep_bits(deploy, pack, roles)
    for statement in compiler.purpose_statements(pack, roles):
        deploy.execute(statement)
    purposes = ", ".join(map(roles.purpose, pack.purposes))
    logins = ", ".join(map(roles.login, compiler.SURFACES))
    for statement in (
        f"GRANT USAGE ON SCHEMA sec TO {roles.owner}, {purposes}, {logins}",
        f"GRANT EXECUTE ON FUNCTION {READERS} TO {roles.owner}, {purposes}",
        f"GRANT EXECUTE ON FUNCTION sec.follow_person(), sec.follow_printer(), sec.follow_share(), sec.keep_person() TO {roles.owner}",
        f"GRANT SELECT ON sec.applied, sec.purpose TO {logins}",
    ):
        deploy.execute(statement)
    deploy.execute("RESET ROLE")


def _keep_bits(deploy: psycopg.Connection[object], pack: Pack, roles: compiler.Roles) -> None:
    """Refuse a pack in which a purpose has moved: people's choices are kept by its place."""
    wanted = {roles.purpose(name): bit for name, bit in compiler.bits(pack).items()}
    known = cast(
        "list[tuple[str, int]]", deploy.execute("SELECT role::text, bit FROM sec.purpose").fetchall()
    )
    moved = sorted(role for role, bit in known if role in wanted and wanted[role] != bit)
    if moved:
        raise compiler.Unbound(
            f"{', '.join(moved)} moved in the pack. Add new purposes at its end, and keep the order."
        )


def _triggers() -> list[str]:
    statements = []
    for table, function in TRIGGERS.items():
        when = "INSERT OR UPDATE OR DELETE" if function == "follow_share" else "INSERT OR DELETE"
        each = f"FOR EACH ROW EXECUTE FUNCTION sec.{function}()"
        statements.append(f"CREATE OR REPLACE TRIGGER gb_follow AFTER {when} ON {table} {each}")
    return statements


def _functions(roles: compiler.Roles) -> list[str]:
    return [
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {roles.technical}",
    ]


def tables(connection: psycopg.Connection[object]) -> frozenset[str]:
    """Return every table and view of the schema public, from the database's own catalogue."""
    rows = connection.execute(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    )
    return frozenset(cast("tuple[str]", row)[0] for row in rows)


def catalogue_digest(connection: psycopg.Connection[object], roles: compiler.Roles) -> str:
    """SHA-256 over all that decides who may read what: roles, members, grants, policies, functions, triggers.

    The search path is emptied for it, so that names come out alike for every login. Needs a transaction.
    """
    connection.execute("SELECT set_config('search_path', 'pg_catalog', true)")
    rows = connection.execute(CATALOGUE, {"roles": f"gb\\_{roles.key}\\_%"}).fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def verify(connection: psycopg.Connection[object], pack: Pack, roles: compiler.Roles) -> None:
    """Raise `Drift` unless pack and catalogue are what `apply` left."""
    row = cast(
        "tuple[str, str] | None", connection.execute("SELECT pack, catalogue FROM sec.applied").fetchone()
    )
    if row is None:
        raise Drift("No policy was ever applied to this database. Run `glassbed prepare`.")
    if not hmac.compare_digest(row[0], digest(pack)):
        raise Drift("The policy pack is not the one that was applied. Run `glassbed prepare`.")
    if not hmac.compare_digest(row[1], catalogue_digest(connection, roles)):
        raise Drift(Drift.__doc__)
