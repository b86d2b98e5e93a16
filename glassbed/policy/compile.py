"""From a pack and the bindings to SQL: roles, grants and row policies.

Every statement is safe to run again. Form and reasons: docs/adr/0002-purposes-in-postgresql.md.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from glassbed.policy.binding import Access, Binding, Both, Bound, Own, Rule
from glassbed.policy.vocabulary import Pack, Purpose

SURFACES = ("web", "worker", "recorder")
"""The processes that log in. Each may take only the purposes that the pack gives it."""


class Roles(msgspec.Struct, frozen=True):
    """Names of an instance's roles. Roles are global to a cluster, hence the instance's key in each."""

    key: str  # 6 hexadecimal digits

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{6}", self.key):
            raise ValueError("an instance's key is 6 hexadecimal digits")

    @property
    def owner(self) -> str:
        return f"gb_{self.key}_owner"

    @property
    def sec(self) -> str:
        return f"gb_{self.key}_sec"

    @property
    def technical(self) -> str:
        return f"gb_{self.key}_technical"

    def every(self, pack: Pack) -> list[str]:
        """All roles of the instance."""
        logins = map(self.login, SURFACES)
        return [self.owner, self.sec, self.technical, *logins, *map(self.purpose, pack.purposes)]

    def login(self, surface: str) -> str:
        return f"gb_{self.key}_{surface}_login"

    def purpose(self, name: str) -> str:
        return f"gb_{self.key}_p_{name}"


class Unbound(Exception):
    """A table is bound to no category, or a binding speaks of what the pack does not have."""


def check_bindings(pack: Pack, bindings: Mapping[str, Binding], tables: frozenset[str]) -> list[str]:
    """Say, one sentence each, what is unbound, bound twice to nothing, or bound to unknown words."""
    faults = [
        f"table {t} is not bound: add it to its feature's privacy.py"
        for t in sorted(tables - bindings.keys())
    ]
    faults += [
        f"binding for {t}, but there is no such table: drop it" for t in sorted(bindings.keys() - tables)
    ]
    for table, binding in bindings.items():
        if not isinstance(binding, Bound):
            faults += [
                f"table {table} is open to {name!r}, which is no purpose of the pack"
                for name in binding.also
                if name not in pack.purposes
            ]
            continue
        if binding.category not in pack.categories:
            faults.append(f"table {table} is bound to {binding.category!r}, which is no category of the pack")
        if binding.retention not in pack.retention:
            faults.append(f"table {table} has retention {binding.retention!r}, which is no rule of the pack")
        faults += [
            f"table {table} reaches its person through {person.via}, which is not a bound table"
            for person in binding.person
            if person.via and not isinstance(bindings.get(person.via), Bound)
        ]
        if not binding.person:
            faults.append(f"table {table} names no person: say whose data it is, or declare it not personal")
    return faults


def bits(pack: Pack) -> dict[str, int]:
    """Purpose → its bit in `sec.person_state.allowed`: by position, which only grows at the end."""
    return {name: 1 << position for position, name in enumerate(pack.purposes)}


def role_statements(pack: Pack, roles: Roles, *, settable: str) -> Iterator[str]:
    """Create what is missing of the roles and their memberships. Needs CREATEROLE.

    `settable` ends a grant whose member may take the role, but inherits nothing: from PostgreSQL 16 on an option
    of the grant, before it follows from the member's own NOINHERIT.
    """
    plain = "NOLOGIN NOINHERIT NOCREATEDB NOCREATEROLE"
    for role in (roles.owner, roles.sec, roles.technical, *map(roles.purpose, pack.purposes)):
        yield _create_role(role, plain)
    for surface in SURFACES:
        login = roles.login(surface)
        yield _create_role(login, "LOGIN NOINHERIT NOCREATEDB NOCREATEROLE")
        yield f"ALTER ROLE {login} SET statement_timeout = '30s'"
        yield f"ALTER ROLE {login} SET lock_timeout = '5s'"
        yield f"ALTER ROLE {login} SET idle_in_transaction_session_timeout = '60s'"
        yield f"GRANT {roles.technical} TO {login}{settable}"
        for name, purpose in pack.purposes.items():
            if surface in purpose.surfaces:
                yield f"GRANT {roles.purpose(name)} TO {login}{settable}"
            else:
                yield f"REVOKE {roles.purpose(name)} FROM {login}"


def _create_role(role: str, options: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{role}') "
        f"THEN CREATE ROLE {role} {options}; END IF; END $$"
    )


def purpose_statements(pack: Pack, roles: Roles) -> Iterator[str]:
    """Write each purpose's role, bit and reach where `sec.me()` and `sec.everyone()` look them up."""
    yield "DELETE FROM sec.purpose"
    for name, bit in bits(pack).items():
        everyone = str(pack.purposes[name].reach == "everyone").lower()
        yield f"INSERT INTO sec.purpose (role, bit, everyone) VALUES ('{roles.purpose(name)}', {bit}, {everyone})"


_DROP_POLICIES = """
DO $$ DECLARE p record; BEGIN
    FOR p IN SELECT tablename, policyname FROM pg_catalog.pg_policies WHERE schemaname = 'public' LOOP
        EXECUTE format('DROP POLICY %I ON public.%I', p.policyname, p.tablename);
    END LOOP;
END $$
"""
"""Whatever somebody else has added goes as well."""


def table_statements(pack: Pack, bindings: Mapping[str, Binding], roles: Roles) -> Iterator[str]:
    """Grants and row policies of every table, rebuilt whole."""
    every = ", ".join([roles.technical, *map(roles.purpose, pack.purposes)])
    logins = ", ".join(map(roles.login, SURFACES))
    yield _DROP_POLICIES
    yield f"GRANT USAGE ON SCHEMA public TO {every}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {every}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {roles.technical}"
    for table, binding in sorted(bindings.items()):
        yield f"REVOKE ALL ON {table} FROM PUBLIC, {logins}, {every}"
        if isinstance(binding, Bound):
            yield from _bound(table, binding, pack, roles)
        else:
            yield f"GRANT SELECT ON {table} TO {roles.technical}"
            for name in binding.also:
                yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {roles.purpose(name)}"


def _bound(table: str, binding: Bound, pack: Pack, roles: Roles) -> Iterator[str]:
    readers = {n: p for n, p in pack.purposes.items() if binding.category in (*p.reads, *p.writes)}
    writers = {n: p for n, p in readers.items() if binding.category in p.writes}
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    for column in direct_owners(binding):
        changed = f"OLD.{column} IS NOT NULL AND NEW.{column} IS DISTINCT FROM OLD.{column}"
        yield (
            f"CREATE OR REPLACE TRIGGER gb_keep_{column} BEFORE UPDATE OF {column} ON {table} "
            f"FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION sec.keep_person()"
        )
    for name in readers:
        privileges = "SELECT, INSERT, UPDATE, DELETE" if name in writers else "SELECT"
        yield f"GRANT {privileges} ON {table} TO {roles.purpose(name)}"
    yield f"CREATE POLICY gb_owner ON {table} TO {roles.owner} USING (true) WITH CHECK (true)"
    if everyone := _names(readers, "everyone", roles):
        rule = everyone_rule(binding)
        yield f"CREATE POLICY gb_everyone ON {table} TO {everyone} USING ({rule}) WITH CHECK ({rule})"
    if (own := _names(readers, "own", roles)) and binding.see:
        yield f"CREATE POLICY gb_see ON {table} FOR SELECT TO {own} USING ({row_rule(binding.see)})"
    if changers := _names(writers, "own", roles):
        change = row_rule(binding.see if binding.change is None else binding.change)
        add = change if binding.add is None else row_rule(binding.add)
        yield f"CREATE POLICY gb_insert ON {table} FOR INSERT TO {changers} WITH CHECK ({add})"
        yield f"CREATE POLICY gb_update ON {table} FOR UPDATE TO {changers} USING ({change}) WITH CHECK ({change})"
        remove = change if binding.remove is None else row_rule(binding.remove)
        yield f"CREATE POLICY gb_delete ON {table} FOR DELETE TO {changers} USING ({remove})"
    appenders = [roles.purpose(n) for n, p in pack.purposes.items() if binding.category in p.appends]
    if appenders:
        yield f"GRANT INSERT ON {table} TO {', '.join(appenders)}"
        empty = [f"{column} IS NULL" for column in binding.append_null]
        valid = " AND ".join(["(SELECT sec.context()) IS NOT NULL", *empty])
        yield f"CREATE POLICY gb_append ON {table} FOR INSERT TO {', '.join(appenders)} WITH CHECK ({valid})"


def _names(purposes: Mapping[str, Purpose], reach: str, roles: Roles) -> str:
    return ", ".join(roles.purpose(name) for name, purpose in purposes.items() if purpose.reach == reach)


def row_rule(rules: tuple[Rule, ...]) -> str:
    """SQL of "one of these rules holds". Each part runs once a query and can use an index."""
    return " OR ".join(map(_rule, rules)) or "false"


def _rule(rule: Rule) -> str:
    if isinstance(rule, Own):
        return f"{rule.column} = (SELECT sec.me())"
    if isinstance(rule, Both):
        return f"({_rule(rule.first)} AND {_rule(rule.second)})"
    if isinstance(rule, Access):
        return f"{rule.column} = ANY ((SELECT sec.printers({int(rule.level)}))::uuid[])"
    return f"{rule.column} = ANY ((SELECT sec.sharing())::uuid[])"


def direct_owners(binding: Binding) -> list[str]:
    """Columns that hold the id of the person whose row it is."""
    persons = binding.person if isinstance(binding, Bound) else ()
    return [person.column for person in persons if person.via is None and person.role == "owner"]


def everyone_rule(binding: Bound) -> str:
    """SQL of "a valid context for work that reaches everyone, and nobody named here has stopped it"."""
    checks = [f"({c} IS NULL OR {c} <> ALL ((SELECT sec.stopped())::uuid[]))" for c in direct_owners(binding)]
    return " AND ".join(["(SELECT sec.everyone())", *checks])
