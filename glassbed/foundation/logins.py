"""What the logins of our processes may do and start with, whatever was done to them since.

A login may set its own defaults and password: a process of ours that was made to run foreign SQL could, too.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import psycopg
from psycopg import sql

from glassbed.policy import compile as compiler
from glassbed.policy.vocabulary import Pack

Connection = psycopg.Connection[Any]

SERVING = tuple(surface for surface in compiler.SURFACES if surface != compiler.VERIFIER)
"""Who may log in. The verifier's roles are tried by a superuser who becomes it, as the tests do."""

DEFAULTS = {
    "search_path": "public",
    "default_transaction_read_only": "off",
    "row_security": "on",
    "role": "none",
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
}
"""Set for each login, so that no default of the database or the server comes before it."""

QUIET = {
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "log_parameter_max_length_on_error": "0",
    "track_activities": "off",
}
"""What keeps people's values out of the server's log and out of pg_stat_activity. For a superuser to set."""

TRIGGERS_RUN = {"session_replication_role": "origin"}
"""Else no trigger would follow people's decisions. For a superuser to set."""

ALLOWED = frozenset({**DEFAULTS, **QUIET, **TRIGGERS_RUN}.items())

FLAGS = {
    "rolsuper": "SUPERUSER",
    "rolbypassrls": "BYPASSRLS",
    "rolcreatedb": "CREATEDB",
    "rolcreaterole": "CREATEROLE",
    "rolinherit": "INHERIT",
    "rolreplication": "REPLICATION",
}
"""What no role of ours has."""


class TalkativeDatabase(Exception):
    """The database would write people's values into its log. Nothing is served until a superuser ran what follows."""


def pattern(roles: compiler.Roles) -> str:
    """The regular expression of the names of all roles of an instance."""
    return f"^gb_{roles.key}_"


def quieting(login: str) -> list[str]:
    """Statements, for a superuser, after which the database's log and statistics hold no values of a login's queries."""
    return list(_setting(login, QUIET))


def require_quiet(connection: psycopg.Connection[object], login: str) -> None:
    """Raise `TalkativeDatabase` with the statements to run when this login's queries would leak into the log."""
    for name, value in QUIET.items():
        row = cast("tuple[str]", connection.execute("SELECT current_setting(%s)", [name]).fetchone())
        if row[0] != value:
            statements = ";\n".join(quieting(login))
            raise TalkativeDatabase(f"{TalkativeDatabase.__doc__}\n{statements};")


def _setting(login: str, values: Mapping[str, str]) -> Iterator[str]:
    return (f"ALTER ROLE {login} SET {name} = '{value}'" for name, value in values.items())


def reset(admin: Connection, roles: compiler.Roles) -> None:
    """Forget every default that a role of ours was given. Who is no superuser leaves what only one may set."""
    rows = admin.execute(
        "SELECT r.rolname::text, d.datname::text FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole "
        "LEFT JOIN pg_database d ON d.oid = s.setdatabase WHERE r.rolname ~ %s",
        [pattern(roles)],
    ).fetchall()
    for role, database in rows:
        where = sql.SQL("IN DATABASE {}").format(sql.Identifier(database)) if database else sql.SQL("")
        admin.execute(sql.SQL("ALTER ROLE {} {} RESET ALL").format(sql.Identifier(role), where))


def settle(
    admin: Connection, pack: Pack, roles: compiler.Roles, passwords: Mapping[str, str], *, is_superuser: bool
) -> None:
    """Give each login its password and its defaults, and take from every role what none of ours has."""
    values = {**DEFAULTS, **(QUIET | TRIGGERS_RUN if is_superuser else {})}
    for surface in compiler.SURFACES:
        login = roles.login(surface)
        if surface in SERVING and surface in passwords:
            _set_password(admin, login, passwords[surface])
        for statement in _setting(login, values):
            admin.execute(statement)
    flags = " ".join(f"NO{flag}" for flag in FLAGS.values()) if is_superuser else ""
    serving = _serving(roles)
    for role in roles.every(pack):
        admin.execute(f"ALTER ROLE {role} {'LOGIN' if role in serving else 'NOLOGIN PASSWORD NULL'} {flags}")


def _serving(roles: compiler.Roles) -> set[str]:
    return {roles.login(surface) for surface in SERVING}


def _set_password(admin: Connection, login: str, password: str) -> None:
    sealed = admin.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login), sql.Literal(sealed)))


def findings(connection: Connection, roles: compiler.Roles) -> Iterator[str]:
    """What a role of ours may or is set to, and should not."""
    serving = _serving(roles)
    flags = sql.SQL(", ").join(map(sql.Identifier, FLAGS))
    query = sql.SQL("SELECT rolname::text, rolcanlogin, {} FROM pg_roles WHERE rolname ~ %s ORDER BY 1")
    for role, can_login, *has in connection.execute(query.format(flags), [pattern(roles)]):
        if can_login is not (role in serving):
            yield f"{role} may log in, and no process does" if can_login else f"{role} can't log in"
        yield from (f"{role} is {flag}" for flag, yes in zip(FLAGS.values(), has, strict=True) if yes)
    yield from _settings(
        connection.execute(SETTINGS, [pattern(roles)]), set(map(roles.login, compiler.SURFACES))
    )


SETTINGS = """
SELECT r.rolname::text, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
  FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN LATERAL unnest(s.setconfig) c
 WHERE r.rolname ~ %s AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
 ORDER BY 1, 2, 3
"""


def _settings(rows: Iterable[tuple[str, str, str]], surfaces: set[str]) -> Iterator[str]:
    missing = {(role, name) for role in surfaces for name in DEFAULTS}
    for role, name, value in rows:
        missing.discard((role, name))
        if role not in surfaces or (name, value) not in ALLOWED:
            yield f"{role} starts with {name} = {value}, which prepare did not set"
    for role, name in sorted(missing):
        yield f"{role} starts without {name} = {DEFAULTS[name]}, which prepare had set"
