"""From a pack and the bindings to SQL: roles, grants and row policies.

Every statement is safe to run again. Form and reasons: docs/adr/0002-purposes-in-postgresql.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from glassbed.policy import rulebook
from glassbed.policy.binding import Access, Binding, Both, Bound, Own, Rule
from glassbed.policy.program import KINDS, PURPOSES
from glassbed.policy.vocabulary import Pack, Reach

VERIFIER = "verifier"
SURFACES = ("web", "worker", "recorder", VERIFIER)
"""Who takes roles. A process logs in and may take the purposes that run in it; the verifier every role, to try it."""


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
        return [self.owner, self.sec, self.technical, *logins, *self.taken(pack)]

    def taken(self, pack: Pack) -> list[str]:
        """The roles that stand for why: one a purpose of the program, one an activity of the pack."""
        return [*map(self.purpose, PURPOSES), *map(self.activity, pack.activities)]

    def login(self, surface: str) -> str:
        return f"gb_{self.key}_{surface}_login"

    def purpose(self, name: str) -> str:
        return f"gb_{self.key}_p_{name}"

    def activity(self, name: str) -> str:
        return f"gb_{self.key}_a_{name}"


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
                f"table {table} is open to {name!r}, which is no purpose of the program"
                for name in binding.also
                if name not in PURPOSES
            ]
            continue
        if binding.category not in KINDS:
            faults.append(
                f"table {table} is bound to {binding.category!r}, which is no kind of data: purposes.yaml"
            )
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


def role_statements(pack: Pack, roles: Roles, *, settable: str) -> Iterator[str]:
    """Create what is missing of the roles and their memberships. Needs CREATEROLE.

    `settable` ends a grant whose member may take the role, but inherits nothing: from PostgreSQL 16 on an option
    of the grant, before it follows from the member's own NOINHERIT.
    """
    plain = "NOLOGIN NOINHERIT NOCREATEDB NOCREATEROLE"
    for role in (roles.owner, roles.sec, roles.technical, *roles.taken(pack)):
        yield _create_role(role, plain)
    for surface in SURFACES:
        login = roles.login(surface)
        yield _create_role(login, plain if surface == VERIFIER else plain.replace("NOLOGIN", "LOGIN"))
        yield f"GRANT {roles.technical} TO {login}{settable}"
        may = taken_by(surface, pack, roles)
        for role in roles.taken(pack):
            yield f"GRANT {role} TO {login}{settable}" if role in may else f"REVOKE {role} FROM {login}"


def taken_by(surface: str, pack: Pack, roles: Roles) -> set[str]:
    if surface == VERIFIER:
        return set(roles.taken(pack))
    rules = rulebook.purpose_rules(pack)
    return {roles.purpose(name) for name, rule in rules.items() if surface in rule.surfaces}


def _create_role(role: str, options: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{role}') "
        f"THEN CREATE ROLE {role} {options}; END IF; END $$"
    )


def rules_by_role(pack: Pack, roles: Roles) -> dict[str, rulebook.Rule]:
    """Every role that stands for why, with what it may do."""
    purposes = {roles.purpose(name): rule for name, rule in rulebook.purpose_rules(pack).items()}
    return purposes | {roles.activity(name): rule for name, rule in rulebook.activity_rules(pack).items()}


def state_statements(pack: Pack, roles: Roles) -> Iterator[str]:
    """Write what people can stop, and each role's bits and reach, where the functions of `sec` look them up."""
    bits = rulebook.bits(pack)
    yield "DELETE FROM sec.bit"
    for bit, number in bits.items():
        despite = ", ".join(f"'{hold}'" for hold in bit.despite)
        yield (
            f"INSERT INTO sec.bit (bit, activity, asked, opens, despite) VALUES ({number}, '{bit.activity}', "
            f"{_boolean(bit.asked)}, {_boolean(bit.opens)}, ARRAY[{despite}]::text[])"
        )
    yield "DELETE FROM sec.purpose"
    for state in states(pack, roles):
        yield (
            "INSERT INTO sec.purpose (role, bit, asked_bit, asked_opens, everyone) VALUES "
            f"('{state.role}', {state.bit}, {state.asked_bit}, {_boolean(state.asked_opens)}, {_boolean(state.everyone)})"
        )
    yield "SELECT sec.refresh()"


class State(NamedTuple):
    """What the functions of `sec` look up about a role."""

    role: str
    bit: int
    asked_bit: int  # 0: nobody is asked
    asked_opens: bool
    everyone: bool


def states(pack: Pack, roles: Roles) -> Iterator[State]:
    """The bits and the reach of every role that stands for why, but of purposes that no activity has."""
    bits = rulebook.bits(pack)
    plain = {bit.activity: number for bit, number in bits.items() if not bit.asked}
    asked = {bit.activity: (number, bit.opens) for bit, number in bits.items() if bit.asked}
    for role, rule in rules_by_role(pack, roles).items():
        if rule.activity:
            everyone = rule.reach == "everyone"
            yield State(role, plain[rule.activity], *asked.get(rule.activity, (0, True)), everyone)


def _boolean(value: object) -> str:
    return str(bool(value)).lower()


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
    every = ", ".join([roles.technical, *roles.taken(pack)])
    logins = ", ".join(map(roles.login, SURFACES))
    yield _DROP_POLICIES
    yield f"GRANT USAGE ON SCHEMA public TO {every}, {roles.sec}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {every}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {roles.technical}"
    for table, binding in sorted(bindings.items()):
        yield f"REVOKE ALL ON {table} FROM PUBLIC, {logins}, {every}"
        if isinstance(binding, Bound):
            yield from _forced(table, binding)
    for grant in grants(pack, bindings, roles):
        yield f"GRANT {', '.join(grant.privileges)} ON {grant.table} TO {grant.role}"
    for policy in row_policies(pack, bindings, roles):
        yield policy.statement


def _forced(table: str, binding: Bound) -> Iterator[str]:
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    for column in direct_owners(binding):
        changed = f"OLD.{column} IS NOT NULL AND NEW.{column} IS DISTINCT FROM OLD.{column}"
        yield (
            f"CREATE OR REPLACE TRIGGER gb_keep_{column} BEFORE UPDATE OF {column} ON {table} "
            f"FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION sec.keep_person()"
        )


FOLLOWED = ("trust_decision", "trust_hold")
"""What people's state follows from: the functions of `sec` read it, to find where it does not."""


class TableGrant(NamedTuple):
    """What a role may do with a table, on whichever rows its policies let it."""

    role: str
    table: str
    privileges: tuple[str, ...]


EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")


def grants(pack: Pack, bindings: Mapping[str, Binding], roles: Roles) -> Iterator[TableGrant]:
    """Every grant on a table that pack and bindings give. There is no other."""
    rules = rules_by_role(pack, roles)
    for table, binding in sorted(bindings.items()):
        if isinstance(binding, Bound):
            found = {role: _privileges(binding.category, rule) for role, rule in rules.items()}
            yield from (TableGrant(role, table, may) for role, may in found.items() if may)
            if table in FOLLOWED:
                yield TableGrant(roles.sec, table, ("SELECT",))
        else:
            yield TableGrant(roles.technical, table, ("SELECT",))
            yield from (TableGrant(roles.purpose(name), table, EVERYTHING) for name in binding.also)


def _privileges(kind: str, rule: rulebook.Rule) -> tuple[str, ...]:
    if kind in rule.writes:
        return EVERYTHING
    return ("SELECT",) if kind in rule.reads else ("INSERT",) if kind in rule.appends else ()


class RowPolicy(NamedTuple):
    """A row policy. `command` is ALL, SELECT, INSERT, UPDATE or DELETE; `using` and `check` are SQL."""

    table: str
    name: str
    command: str
    roles: tuple[str, ...]
    using: str | None = None
    check: str | None = None

    @property
    def statement(self) -> str:
        using = f" USING ({self.using})" if self.using else ""
        check = f" WITH CHECK ({self.check})" if self.check else ""
        return f"CREATE POLICY {self.name} ON {self.table} FOR {self.command} TO {', '.join(self.roles)}{using}{check}"


Group = tuple[Reach, rulebook.Asked | None]
"""Roles that differ in nothing but their grants: reach, and who is asked."""


def row_policies(pack: Pack, bindings: Mapping[str, Binding], roles: Roles) -> Iterator[RowPolicy]:
    """Every row policy that pack and bindings ask for. There is no other."""
    rules = rules_by_role(pack, roles)
    for table, binding in sorted(bindings.items()):
        if not isinstance(binding, Bound):
            continue
        yield RowPolicy(table, "gb_owner", "ALL", (roles.owner,), "true", "true")
        if table in FOLLOWED:
            yield RowPolicy(table, "gb_sec", "SELECT", (roles.sec,), "true")
        kind = binding.category
        readers = _grouped(
            {r: {**rule.reads, **rule.writes}.get(kind, NOT) for r, rule in rules.items()}, rules
        )
        writers = _grouped({r: rule.writes.get(kind, NOT) for r, rule in rules.items()}, rules)
        appenders = _grouped({r: rule.appends.get(kind, NOT) for r, rule in rules.items()}, rules)
        yield from _read_policies(table, binding, readers)
        yield from _write_policies(table, binding, writers)
        yield from _append_policies(table, binding, appenders)


NOT = "not"
"""Stands for a kind that a rule does not speak of; None is one for which nobody is asked."""


def _grouped(
    asked: Mapping[str, str | None], rules: Mapping[str, rulebook.Rule]
) -> dict[Group, tuple[str, ...]]:
    groups: dict[Any, tuple[str, ...]] = {}
    for role, answer in asked.items():
        if answer != NOT:
            key = (rules[role].reach, answer)
            groups[key] = (*groups.get(key, ()), role)
    return groups


def _read_policies(
    table: str, binding: Bound, readers: Mapping[Group, tuple[str, ...]]
) -> Iterator[RowPolicy]:
    for (reach, asked), to in readers.items():
        suffix = f"_{asked}" if asked else ""
        if reach == "everyone":
            rule = everyone_rule(binding, asked)
            yield RowPolicy(table, f"gb_everyone{suffix}", "ALL", to, rule, rule)
        elif reach == "self":
            yield RowPolicy(table, f"gb_self{suffix}", "SELECT", to, self_rule(binding, asked))
        elif binding.see:
            yield RowPolicy(
                table, f"gb_see{suffix}", "SELECT", to, row_rule(binding.see, asked, direct_owners(binding))
            )


def _write_policies(
    table: str, binding: Bound, writers: Mapping[Group, tuple[str, ...]]
) -> Iterator[RowPolicy]:
    for (reach, asked), to in writers.items():
        if reach == "everyone":  # the policy that lets it read is for all commands
            continue
        suffix = f"_{asked}" if asked else ""
        owners = direct_owners(binding)
        change = row_rule(binding.see if binding.change is None else binding.change, asked, owners)
        add = change if binding.add is None else row_rule(binding.add, asked, owners)
        remove = change if binding.remove is None else row_rule(binding.remove, asked, owners)
        yield RowPolicy(table, f"gb_insert{suffix}", "INSERT", to, check=add)
        yield RowPolicy(table, f"gb_update{suffix}", "UPDATE", to, change, change)
        yield RowPolicy(table, f"gb_delete{suffix}", "DELETE", to, remove)


def _append_policies(
    table: str, binding: Bound, appenders: Mapping[Group, tuple[str, ...]]
) -> Iterator[RowPolicy]:
    empty = [f"{column} IS NULL" for column in binding.append_null]
    for (reach, asked), to in appenders.items():
        about = [_may_write_about(column, reach, asked) for column in direct_owners(binding)]
        valid = " AND ".join(["(SELECT sec.context()) IS NOT NULL", *empty, *filter(None, about)])
        name = "gb_append" if reach == "everyone" else "gb_append_own"
        yield RowPolicy(table, f"{name}_{asked}" if asked else name, "INSERT", to, check=valid)


def _may_write_about(column: str, reach: Reach, asked: rulebook.Asked | None) -> str:
    """Who works for everybody writes about whoever agreed; a person about nobody, themself, or who shares with them."""
    if reach == "everyone":
        return _agreed(column, asked) if asked else ""
    gate = _boolean(asked)
    return f"({column} IS NULL OR {column} = (SELECT sec.me({gate})) OR {column} = ANY ((SELECT sec.sharing({gate}))::uuid[]))"


def row_rule(rules: tuple[Rule, ...], asked: rulebook.Asked | None = None, owners: Sequence[str] = ()) -> str:
    """SQL of "one of these rules holds". Each part runs once a query and can use an index.

    Rows of others are shown only while their `owners` are not held: what may not be used is not for others either.
    """
    return " OR ".join(_rule(rule, _boolean(asked), owners) for rule in rules) or "false"


def _rule(rule: Rule, asked: str, owners: Sequence[str]) -> str:
    if isinstance(rule, Own):
        return f"{rule.column} = (SELECT sec.me({asked}))"
    if isinstance(rule, Both):
        return f"({_rule(rule.first, asked, owners)} AND {_rule(rule.second, asked, owners)})"
    if isinstance(rule, Access):
        these = f"{rule.column} = ANY ((SELECT sec.printers({int(rule.level)}, {asked}))::uuid[])"
    else:
        these = f"{rule.column} = ANY ((SELECT sec.sharing({asked}))::uuid[])"
    held = [f"{owner} <> ALL ((SELECT sec.held({asked}))::uuid[])" for owner in owners]
    return f"({' AND '.join([these, *held])})"


def self_rule(binding: Bound, asked: rulebook.Asked | None = None) -> str:
    """SQL of "a row of this person": as owner or party, never where they are only mentioned."""
    columns = [p.column for p in binding.person if p.via is None and p.role != "mentioned"]
    return " OR ".join(f"{column} = (SELECT sec.me({_boolean(asked)}))" for column in columns) or "false"


def direct_owners(binding: Binding) -> list[str]:
    """Columns that hold the id of the person whose row it is."""
    persons = binding.person if isinstance(binding, Bound) else ()
    return [person.column for person in persons if person.via is None and person.role == "owner"]


def everyone_rule(binding: Bound, asked: rulebook.Asked | None = None) -> str:
    """SQL of "a valid context for work that reaches everyone, and nobody whose row it is has stopped it or is still asked"."""
    owners = direct_owners(binding)
    if asked:
        return " AND ".join(
            ["(SELECT sec.everyone())", *(_agreed(c, asked) for c in owners)] if owners else ["false"]
        )
    persons = [p.column for p in binding.person if p.via is None and p.role != "mentioned"]
    checks = [f"({c} IS NULL OR {c} <> ALL ((SELECT sec.stopped())::uuid[]))" for c in persons]
    return " AND ".join(["(SELECT sec.everyone())", *checks])


def _agreed(column: str, asked: rulebook.Asked) -> str:
    if asked == "consent":
        return f"{column} IN (SELECT sec.given())"
    return f"({column} IS NOT NULL AND {column} <> ALL ((SELECT sec.stopped(true))::uuid[]))"
