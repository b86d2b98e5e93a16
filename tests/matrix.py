"""What each purpose may touch, computed from policy.yaml and the bindings alone, and asked of a database.

Nothing of the compiler, of the purpose module and of Django is used: plain statements of plain logins.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import yaml
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from glassbed.features.accounts import privacy as accounts
from glassbed.features.jobs import privacy as jobs
from glassbed.features.library import privacy as library
from glassbed.features.printers import privacy as printers
from glassbed.features.traces import privacy as traces
from glassbed.foundation import privacy as foundation
from glassbed.policy.binding import Access, Both, Bound, Own, Sharing
from glassbed.policy.pack import SHIPPED
from glassbed.protocol.ids import uuid7

PACK = yaml.safe_load((SHIPPED / "house" / "policy.yaml").read_text())
PURPOSES = PACK["purposes"]
MODULES = (accounts, printers, library, jobs, traces, foundation)
BINDINGS = {table: binding for module in MODULES for table, binding in module.BINDINGS.items()}
BOUND = {table: binding for table, binding in BINDINGS.items() if isinstance(binding, Bound)}
SURFACES = ("web", "worker", "recorder")
EVERYTHING = {"SELECT", "INSERT", "UPDATE", "DELETE"}
ATTEMPTS = {
    "SELECT": "SELECT * FROM {table} LIMIT 1",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = {column} WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
}
OWNER = 3
Connection = psycopg.Connection[Any]


def surfaces(purpose: str) -> list[str]:
    return PURPOSES[purpose].get("surfaces", ["web"])


def reaches_everyone(purpose: str) -> bool:
    return PURPOSES[purpose].get("reach") == "everyone"


def allowed(purpose: str, table: str) -> set[str]:
    """The commands that a purpose may give on a table, on whichever rows."""
    binding, rule = BINDINGS[table], PURPOSES[purpose]
    if not isinstance(binding, Bound):
        return EVERYTHING if purpose in binding.also else set()
    if binding.category in rule.get("writes", ()):
        return EVERYTHING
    reads = {"SELECT"} if binding.category in rule.get("reads", ()) else set()
    return reads | ({"INSERT"} if binding.category in rule.get("appends", ()) else set())


class Asking:
    """One database, its logins, and how to sign a context for them."""

    def __init__(
        self, login: Callable[[str], Connection], superuser: Connection, key: str, secret: bytes
    ) -> None:
        self.logins = {surface: login(surface) for surface in SURFACES}
        self.superuser = superuser
        self.key = key
        self.secret = secret

    def close(self) -> None:
        for connection in self.logins.values():
            connection.close()
        self.superuser.close()

    def role(self, purpose: str) -> str:
        return f"gb_{self.key}_p_{purpose}"

    def context(self, role: str, person: UUID | None, pid: int, *, lifetime_s: int = 60) -> str:
        said = f"{role}|{person or '-'}|{int(time.time()) + lifetime_s}|{pid}"
        return f"{said}|{hmac.digest(self.secret, said.encode(), hashlib.sha256).hex()}"

    def take(
        self, connection: Connection, purpose: str, person: UUID | None = None, context: str = ""
    ) -> None:
        """Take a purpose for the rest of the transaction."""
        role = self.role(purpose)
        context = context or self.context(role, person, connection.info.backend_pid)
        connection.execute(
            "SELECT set_config('role', %s, true), set_config('glassbed.ctx', %s, true)", [role, context]
        )


def is_refused(connection: Connection, statement: str | sql.Composable, values: object = None) -> bool:
    """Whether PostgreSQL says "permission denied"; any other answer means that it would have been allowed."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement, values)
    except psycopg.errors.InsufficientPrivilege as error:
        return str(error.diag.message_primary).startswith("permission denied")
    except psycopg.Error:
        return False
    return False


def attempts(connection: Connection, keys: dict[str, list[str]]) -> Iterator[tuple[str, str, bool]]:
    for table in BINDINGS:
        for command, text in ATTEMPTS.items():
            names = {"table": sql.Identifier("public", table), "column": sql.Identifier(keys[table][0])}
            yield table, command, is_refused(connection, sql.SQL(text).format(**names))


def primary_keys(superuser: Connection) -> dict[str, list[str]]:
    rows = superuser.execute(
        "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) "
        "WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace GROUP BY 1"
    )
    return dict(rows.fetchall())


# -- the findings ------------------------------------------------------------------------------------------


def findings(asking: Asking) -> list[str]:
    """Everything in which the database does other than pack and bindings say; nothing, if all is well."""
    keys = primary_keys(asking.superuser)
    rows = {table: _rows(asking.superuser, table) for table in BOUND}
    return [
        *_catalogue(asking),
        *_roles_that_may_be_taken(asking),
        *_outside_of_roles(asking, keys),
        *_commands(asking, keys),
        *_rows_of_own_purposes(asking, keys, rows),
        *_rows_of_everyone(asking, keys, rows),
        *_rows_of_others_made(asking, keys, rows),
    ]


def _rows(superuser: Connection, table: str) -> list[dict[str, Any]]:
    cursor = superuser.cursor(row_factory=dict_row)
    return cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()


def _catalogue(asking: Asking) -> Iterator[str]:
    forced = dict(
        asking.superuser.execute(
            "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        ).fetchall()
    )
    yield from (f"{table} does not force its row policies" for table in BOUND if not forced[table])
    views = asking.superuser.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm') "
        "AND NOT coalesce(reloptions @> '{security_invoker=true}', false)"
    )
    yield from (f"view {name} shows rows with its owner's rights" for (name,) in views)
    columns = asking.superuser.execute(
        "SELECT attrelid::regclass || '.' || attname FROM pg_attribute WHERE attacl IS NOT NULL "
        "AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
    )
    yield from (f"column {name} has a grant of its own" for (name,) in columns)
    roles = asking.superuser.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE %s AND (rolsuper OR rolbypassrls OR rolcreaterole "
        "OR rolinherit OR rolcreatedb OR rolreplication)",
        [f"gb\\_{asking.key}\\_%"],
    )
    yield from (f"role {name} may do more than take purposes" for (name,) in roles)


def _roles_that_may_be_taken(asking: Asking) -> Iterator[str]:
    wanted = {purpose: surfaces(purpose) for purpose in PURPOSES}
    for surface, connection in asking.logins.items():
        for purpose, takers in wanted.items():
            refused = is_refused(
                connection, sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(asking.role(purpose)))
            )
            if refused == (surface in takers):
                yield f"{surface} {'may not' if refused else 'may'} take {purpose}"
        for name in ("owner", "sec"):
            role = sql.Identifier(f"gb_{asking.key}_{name}")
            if not is_refused(connection, sql.SQL("SET LOCAL ROLE {}").format(role)):
                yield f"{surface} may become {name}"


def _outside_of_roles(asking: Asking, keys: dict[str, list[str]]) -> Iterator[str]:
    for surface, connection in asking.logins.items():
        for table, command, refused in attempts(connection, keys):
            if not refused:
                yield f"{surface} may {command} on {table} without any purpose"
        with connection.transaction(force_rollback=True):
            connection.execute(
                sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(f"gb_{asking.key}_technical"))
            )
            for table, command, refused in attempts(connection, keys):
                binding = BINDINGS[table]
                may = not isinstance(binding, Bound) and command == "SELECT"
                if refused == may:
                    yield f"technical: {command} on {table} is {'refused' if refused else 'allowed'}"


def _commands(asking: Asking, keys: dict[str, list[str]]) -> Iterator[str]:
    for purpose in PURPOSES:
        for surface in surfaces(purpose):
            connection = asking.logins[surface]
            with connection.transaction(force_rollback=True):
                if is_refused(connection, "SELECT set_config('role', %s, true)", [asking.role(purpose)]):
                    continue  # found already
                asking.take(connection, purpose)
                for table, command, refused in attempts(connection, keys):
                    if refused == (command in allowed(purpose, table)):
                        yield f"{purpose}: {command} on {table} is {'refused' if refused else 'allowed'}"


# -- rows --------------------------------------------------------------------------------------------------


def levels(superuser: Connection) -> dict[tuple[UUID, UUID], int]:
    """(printer, person) → level, from who owns it and from the shares."""
    shares = superuser.execute("SELECT printer_id, person_id, level FROM printers_share").fetchall()
    owners = superuser.execute("SELECT id, owner_id FROM printers_printer").fetchall()
    return {(printer, person): level for printer, person, level in shares} | dict.fromkeys(owners, OWNER)


def matches(rules: Any, row: dict[str, Any], person: UUID, level: dict[tuple[UUID, UUID], int]) -> bool:
    for rule in rules:
        if isinstance(rule, Own) and row[rule.column] == person:
            return True
        if isinstance(rule, Access) and level.get((row[rule.column], person), 0) >= rule.level:
            return True
        if isinstance(rule, Both) and all(
            matches([r], row, person, level) for r in (rule.first, rule.second)
        ):
            return True
        if isinstance(rule, Sharing) and row[rule.column] in shares_with(person, level):
            return True
    return False


def shares_with(person: UUID, level: dict[tuple[UUID, UUID], int]) -> set[UUID]:
    """Everybody with whom the person shares a printer that one of the two owns."""
    mine = {printer: own for (printer, who), own in level.items() if who == person}
    return {
        who
        for (printer, who), theirs in level.items()
        if printer in mine and OWNER in (theirs, mine[printer])
    }


def change_rule(binding: Bound) -> Any:
    return binding.see if binding.change is None else binding.change


def persons(superuser: Connection) -> list[UUID]:
    return [person for (person,) in superuser.execute("SELECT id FROM accounts_person").fetchall()]


REACHES = {
    "sees": "SELECT {columns} FROM {table}",
    "changes": "UPDATE {table} SET {key} = {key} RETURNING {columns}",
    "removes": "DELETE FROM {table} RETURNING {columns}",
}


def _identities(connection: Connection, table: str, keys: list[str], verb: str) -> set[tuple[Any, ...]]:
    """Keys of the rows that a statement without any filter reaches."""
    columns = sql.SQL(", ").join(map(sql.Identifier, keys))
    names = {"table": sql.Identifier(table), "key": sql.Identifier(keys[0]), "columns": columns}
    with connection.transaction(force_rollback=True):
        return set(connection.execute(sql.SQL(REACHES[verb]).format(**names)).fetchall())


def _key(row: dict[str, Any], keys: list[str]) -> tuple[Any, ...]:
    return tuple(row[key] for key in keys)


def _rows_of_own_purposes(
    asking: Asking, keys: dict[str, list[str]], rows: dict[str, list[dict[str, Any]]]
) -> Iterator[str]:
    level = levels(asking.superuser)
    for purpose in PURPOSES:
        if reaches_everyone(purpose):
            continue
        connection = asking.logins[surfaces(purpose)[0]]
        for person in persons(asking.superuser):
            with connection.transaction(force_rollback=True):
                asking.take(connection, purpose, person)
                for table, binding in BOUND.items():
                    may = allowed(purpose, table)
                    where = f"{purpose}: {table}: {person}"
                    if "SELECT" in may:
                        wanted = {
                            _key(r, keys[table])
                            for r in rows[table]
                            if matches(binding.see, r, person, level)
                        }
                        yield from _compare(where, "sees", connection, table, keys[table], wanted)
                    if "UPDATE" in may:
                        rule = change_rule(binding)
                        wanted = {
                            _key(r, keys[table]) for r in rows[table] if matches(rule, r, person, level)
                        }
                        yield from _compare(where, "changes", connection, table, keys[table], wanted)
                        rule = rule if binding.remove is None else binding.remove
                        wanted = {
                            _key(r, keys[table])
                            for r in rows[table]
                            if matches(rule, r, person, level) and matches(binding.see, r, person, level)
                        }
                        yield from _compare(where, "removes", connection, table, keys[table], wanted)


def _compare(
    where: str, verb: str, connection: Connection, table: str, keys: list[str], wanted: set[tuple[Any, ...]]
) -> Iterator[str]:
    try:
        found = _identities(connection, table, keys, verb)
    except psycopg.errors.InsufficientPrivilege:
        yield f"{where} {verb} nothing: refused"
        return
    if found != wanted:
        yield f"{where} {verb} {len(found - wanted)} rows too many and {len(wanted - found)} too few"


def _rows_of_everyone(
    asking: Asking, keys: dict[str, list[str]], rows: dict[str, list[dict[str, Any]]]
) -> Iterator[str]:
    """Work without a person sees all rows but those of somebody who stopped that purpose."""
    allows = dict(asking.superuser.execute("SELECT person, allowed FROM sec.person_state").fetchall())
    for position, purpose in enumerate(PURPOSES):
        if not reaches_everyone(purpose):
            continue
        stopped = {person for person, bits in allows.items() if not bits >> position & 1}
        connection = asking.logins[surfaces(purpose)[0]]
        with connection.transaction(force_rollback=True):
            if is_refused(connection, "SELECT set_config('role', %s, true)", [asking.role(purpose)]):
                continue  # found already
            asking.take(connection, purpose)
            for table, binding in BOUND.items():
                if "SELECT" not in allowed(purpose, table):
                    continue
                owners = [p.column for p in binding.person if p.role == "owner" and p.via is None]
                wanted = {
                    _key(row, keys[table])
                    for row in rows[table]
                    if not any(row[column] in stopped for column in owners)
                }
                yield from _compare(purpose, "sees", connection, table, keys[table], wanted)


def _rows_of_others_made(
    asking: Asking, keys: dict[str, list[str]], rows: dict[str, list[dict[str, Any]]]
) -> Iterator[str]:
    """Nobody may add a row that is not theirs to add."""
    level = levels(asking.superuser)
    for purpose in PURPOSES:
        if reaches_everyone(purpose):
            continue
        connection = asking.logins[surfaces(purpose)[0]]
        for person in persons(asking.superuser):
            for table, binding in BOUND.items():
                if "UPDATE" not in allowed(purpose, table):
                    continue
                rule = change_rule(binding) if binding.add is None else binding.add
                foreign = next((r for r in rows[table] if not matches(rule, r, person, level)), None)
                if foreign and not _is_refused_row(asking, connection, purpose, person, table, foreign):
                    yield f"{purpose}: {person} may write a row of others into {table}"


def _is_refused_row(
    asking: Asking, connection: Connection, purpose: str, person: UUID, table: str, row: dict[str, Any]
) -> bool:
    fresh = {"id": str(uuid7())} if "id" in row and isinstance(row["id"], UUID) else {}
    try:
        with connection.transaction(force_rollback=True):
            asking.take(connection, purpose, person)
            connection.execute(
                sql.SQL("INSERT INTO {0} SELECT * FROM jsonb_populate_record(NULL::{0}, %s)").format(
                    sql.Identifier(table)
                ),
                [Jsonb(_plain(row) | fresh)],
            )
    except psycopg.errors.InsufficientPrivilege:
        return True
    except psycopg.Error:
        return False
    return False


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: "\\x" + bytes(value).hex()
        if isinstance(value, bytes | memoryview)
        else value
        if value is None or isinstance(value, bool | int | float | list | dict)
        else str(value)
        for name, value in row.items()
    }
