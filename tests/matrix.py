"""What pack and bindings say (oracle.py), asked of a database: plain statements of plain logins, no code of ours."""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
from oracle import (
    BINDINGS,
    BOUND,
    OWNER,
    SURFACES,
    Chosen,
    Levels,
    Policy,
    Row,
    change_rule,
    is_ones_own,
    matches,
    owners,
    parties,
)
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from glassbed.policy.binding import Bound
from glassbed.protocol.ids import uuid7

HOUSE = Policy()
PURPOSES = [name for name in HOUSE.names if not name.startswith("activity:")]
ATTEMPTS = {
    "SELECT": "SELECT * FROM {table} LIMIT 1",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = {column} WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
}
Connection = psycopg.Connection[Any]


def surfaces(purpose: str) -> list[str]:
    """The processes that may take a purpose of the house."""
    return HOUSE.surfaces(purpose)[:-1]


def reaches_everyone(purpose: str) -> bool:
    return HOUSE.reach(purpose) == "everyone"


def allowed(purpose: str, table: str) -> set[str]:
    """The commands that a purpose of the house may give on a table, on whichever rows."""
    return HOUSE.allowed(purpose, table)


class Asking:
    """One database, its logins, and how to sign a context for them."""

    def __init__(
        self,
        login: Callable[[str], Connection],
        superuser: Connection,
        key: str,
        secret: bytes,
        policy: Policy = HOUSE,
    ) -> None:
        self.policy = policy
        self.logins = {surface: login(surface) for surface in SURFACES}
        self.superuser = superuser
        self.key = key
        self.secret = secret

    def close(self) -> None:
        for connection in self.logins.values():
            connection.close()
        self.superuser.close()

    def role(self, purpose: str) -> str:
        activity = purpose.removeprefix("activity:")
        return f"gb_{self.key}_p_{purpose}" if activity == purpose else f"gb_{self.key}_a_{activity}"

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
        *_strangers(asking),
        *_outside_of_roles(asking, keys),
        *_commands(asking, keys),
        *_rows_of_own_purposes(asking, keys, rows),
        *_rows_of_everyone(asking, keys, rows),
        *_rows_of_others_made(asking, keys, rows),
    ]


def _rows(superuser: Connection, table: str) -> list[Row]:
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
    wanted = {name: asking.policy.surfaces(name) for name in asking.policy.names}
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


def _strangers(asking: Asking) -> Iterator[str]:
    """Who may take a role of ours without being one of ours. The deploy login has to, for it makes them."""
    rows = asking.superuser.execute(
        "SELECT m.member::regrole::text, m.roleid::regrole::text FROM pg_auth_members m "
        "WHERE m.roleid::regrole::text LIKE %(ours)s AND m.member::regrole::text NOT LIKE %(ours)s "
        "AND m.member <> CURRENT_USER::regrole",
        {"ours": f"gb\\_{asking.key}\\_%"},
    )
    yield from (f"{member} may become {role}" for member, role in rows)


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
    for name in asking.policy.names:
        for surface in asking.policy.surfaces(name):
            connection = asking.logins[surface]
            with connection.transaction(force_rollback=True):
                if is_refused(connection, "SELECT set_config('role', %s, true)", [asking.role(name)]):
                    continue  # found already
                asking.take(connection, name)
                for table, command, refused in attempts(connection, keys):
                    if refused == (command in asking.policy.allowed(name, table)):
                        yield f"{name}: {command} on {table} is {'refused' if refused else 'allowed'}"


# -- rows --------------------------------------------------------------------------------------------------


def levels(superuser: Connection) -> Levels:
    """(printer, person) → level, from who owns it and from the shares."""
    shares = superuser.execute("SELECT printer_id, person_id, level FROM printers_share").fetchall()
    of = superuser.execute("SELECT id, owner_id FROM printers_printer").fetchall()
    return {(printer, person): level for printer, person, level in shares} | dict.fromkeys(of, OWNER)


def chosen(superuser: Connection) -> Chosen:
    decisions = superuser.execute("SELECT person_id, activity, open FROM trust_decision ORDER BY at, id")
    return Chosen(
        decisions.fetchall(), superuser.execute("SELECT person_id, kind FROM trust_hold").fetchall()
    )


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


def _key(row: Row, keys: list[str]) -> tuple[Any, ...]:
    return tuple(row[key] for key in keys)


def _rows_of_own_purposes(
    asking: Asking, keys: dict[str, list[str]], rows: dict[str, list[Row]]
) -> Iterator[str]:
    level, choices = levels(asking.superuser), chosen(asking.superuser)
    for name in asking.policy.names:
        if asking.policy.reach(name) == "everyone":
            continue
        connection = asking.logins[asking.policy.surfaces(name)[0]]
        for person in persons(asking.superuser):
            with connection.transaction(force_rollback=True):
                if is_refused(connection, "SELECT set_config('role', %s, true)", [asking.role(name)]):
                    break  # found already
                asking.take(connection, name, person)
                for table, verbs in _wanted(asking.policy, name, person, rows, level, choices):
                    for verb, wanted in verbs.items():
                        found = {_key(row, keys[table]) for row in wanted}
                        yield from _compare(
                            f"{name}: {table}: {person}", verb, connection, table, keys[table], found
                        )


def _wanted(
    policy: Policy, name: str, person: UUID, rows: dict[str, list[Row]], level: Levels, choices: Chosen
) -> Iterator[tuple[str, dict[str, list[Row]]]]:
    """For each table, the rows that a person should see, change and remove under a purpose."""
    for table, binding in BOUND.items():
        may = policy.allowed(name, table)
        mine = rows[table] if may and policy.is_open(name, table, person, choices) else []

        def by(rules: Any, some: list[Row], table: str = table, binding: Bound = binding) -> list[Row]:
            return [r for r in some if matches(rules, r, person, level, free(table, binding, r))]

        def free(table: str, binding: Bound, row: Row) -> bool:
            return all(policy.is_open(name, table, row[column], choices) for column in owners(binding))

        wanted = {}
        if policy.reach(name) == "self":
            seen = [row for row in mine if is_ones_own(binding, row, person)]
        else:
            seen = by(binding.see, mine)
        if "SELECT" in may:
            wanted["sees"] = seen
        if "UPDATE" in may:
            rule = change_rule(binding)
            wanted["changes"] = by(rule, mine)
            wanted["removes"] = by(rule if binding.remove is None else binding.remove, seen)
        yield table, wanted


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
    asking: Asking, keys: dict[str, list[str]], rows: dict[str, list[Row]]
) -> Iterator[str]:
    """Work without a person sees all rows but those of somebody who has not agreed, has stopped it, or is held."""
    choices, policy = chosen(asking.superuser), asking.policy
    for name in policy.names:
        if policy.reach(name) != "everyone":
            continue
        connection = asking.logins[policy.surfaces(name)[0]]
        with connection.transaction(force_rollback=True):
            if is_refused(connection, "SELECT set_config('role', %s, true)", [asking.role(name)]):
                continue  # found already
            asking.take(connection, name)
            for table, binding in BOUND.items():
                if "SELECT" not in policy.allowed(name, table):
                    continue
                wanted = {
                    _key(row, keys[table])
                    for row in rows[table]
                    if _is_seen_by_everyone(policy, name, table, binding, row, choices)
                }
                yield from _compare(name, "sees", connection, table, keys[table], wanted)


def _is_seen_by_everyone(
    policy: Policy, name: str, table: str, binding: Bound, row: Row, choices: Chosen
) -> bool:
    columns = owners(binding)
    if policy.asked(name, table) and (not columns or any(row[column] is None for column in columns)):
        return False  # nobody there who could have agreed
    concerned = columns if policy.asked(name, table) else parties(binding)
    return all(row[c] is None or policy.is_open(name, table, row[c], choices) for c in concerned)


def _rows_of_others_made(
    asking: Asking, keys: dict[str, list[str]], rows: dict[str, list[Row]]
) -> Iterator[str]:
    """Nobody may add a row that is not theirs to add."""
    level = levels(asking.superuser)
    for name in asking.policy.names:
        if asking.policy.reach(name) != "own":
            continue
        connection = asking.logins[asking.policy.surfaces(name)[0]]
        for person in persons(asking.superuser):
            for table, binding in BOUND.items():
                if "UPDATE" not in asking.policy.allowed(name, table):
                    continue
                rule = change_rule(binding) if binding.add is None else binding.add
                foreign = next((r for r in rows[table] if not matches(rule, r, person, level)), None)
                if foreign and not _is_refused_row(asking, connection, name, person, table, foreign):
                    yield f"{name}: {person} may write a row of others into {table}"


def _is_refused_row(
    asking: Asking, connection: Connection, purpose: str, person: UUID, table: str, row: Row
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


def _plain(row: Row) -> dict[str, Any]:
    return {
        name: "\\x" + bytes(value).hex()
        if isinstance(value, bytes | memoryview)
        else value
        if value is None or isinstance(value, bool | int | float | list | dict)
        else str(value)
        for name, value in row.items()
    }
