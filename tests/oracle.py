"""What each role may touch, computed from the YAML files alone: policy.yaml, purposes.yaml, and the tables' bindings.

Nothing of the compiler and of the rulebook is used, so that a mistake there can't hide itself here.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import yaml

from glassbed.features.accounts import privacy as accounts
from glassbed.features.jobs import privacy as jobs
from glassbed.features.library import privacy as library
from glassbed.features.printers import privacy as printers
from glassbed.features.traces import privacy as traces
from glassbed.features.trust import privacy as trust
from glassbed.foundation import privacy as foundation
from glassbed.policy.binding import Access, Both, Bound, Own, Sharing
from glassbed.policy.pack import SHIPPED

PURPOSES = yaml.safe_load((SHIPPED.parent / "purposes.yaml").read_text())["purposes"]
KINDS = set(yaml.safe_load((SHIPPED.parent / "purposes.yaml").read_text())["kinds"])
MODULES = (accounts, trust, printers, library, jobs, traces, foundation)
BINDINGS = {table: binding for module in MODULES for table, binding in module.BINDINGS.items()}
BOUND = {table: binding for table, binding in BINDINGS.items() if isinstance(binding, Bound)}
SURFACES = ("web", "worker", "recorder", "verifier")
EVERYTHING = {"SELECT", "INSERT", "UPDATE", "DELETE"}
OWNER = 3
Row = dict[str, Any]
Levels = dict[tuple[UUID, UUID], int]


class Policy:
    """One pack's answers. A role is named by its purpose, or by "activity:" and its activity."""

    def __init__(self, name: str = "house") -> None:
        pack = _read(name)
        house = _read("house")
        for section, keys in pack.get("silent", {}).items():
            pack.setdefault(section, {}).update({key: house[section][key] for key in keys})
        self.activities: dict[str, Any] = pack["activities"]
        self.category = {
            kind: key
            for key, category in pack["categories"].items()
            for kind in category.get("covers", [key])
            if kind in KINDS
        }
        self.under = {
            p: key for key, activity in self.activities.items() for p in activity.get("purposes", ())
        }
        self.names = [*PURPOSES, *(f"activity:{key}" for key in self.activities)]

    def activity(self, name: str) -> str | None:
        return name.removeprefix("activity:") if name.startswith("activity:") else self.under.get(name)

    def surfaces(self, name: str) -> list[str]:
        """The processes that may take the role; the verifier may take every one."""
        used = name in PURPOSES and name in self.under
        return [*(PURPOSES[name].get("surfaces", ["web"]) if used else ()), "verifier"]

    def reach(self, name: str) -> str:
        return str(PURPOSES[name].get("reach", "own")) if name in PURPOSES else "everyone"

    def allowed(self, name: str, table: str) -> set[str]:
        """The commands that a role may give on a table, on whichever rows."""
        binding = BINDINGS[table]
        if not isinstance(binding, Bound):
            return EVERYTHING if name in binding.also else set()
        key = self.activity(name)
        if key is None or self.category.get(binding.category) not in self.activities[key]["categories"]:
            return set()
        rule = PURPOSES.get(name, {"reads": [binding.category]})
        if binding.category in rule.get("writes", ()):
            return EVERYTHING
        reads = {"SELECT"} if binding.category in rule.get("reads", ()) else set()
        return reads | ({"INSERT"} if binding.category in rule.get("appends", ()) else set())

    def asked(self, name: str, table: str) -> str | None:
        """Who must agree before a row of the table is seen: nobody, who consented, or who did not object."""
        key, binding = self.activity(name), BOUND[table]
        return self._asked(key, self.category[binding.category]) if key else None

    def _asked(self, key: str, category: str) -> str | None:
        every = self.activities[key]["grounds"]
        grounds = [g for g in every if category in g.get("categories", ())] or [
            g for g in every if not g.get("categories")
        ]
        free = [
            g for g in grounds if g["basis"] not in {"consent", "legitimate_interest"} and "when" not in g
        ]
        bases = {g["basis"] for g in grounds}
        if free:
            return None
        return "consent" if "consent" in bases else "objection" if "legitimate_interest" in bases else None

    def is_open(self, name: str, table: str, person: UUID, chosen: "Chosen") -> bool:
        """Whether rows of this person may be seen under the role at all."""
        key = self.activity(name)
        if key is None or chosen.holds.get(person, set()) - set(self.activities[key].get("despite", ())):
            return False
        asked = self.asked(name, table)
        return asked is None or chosen.decisions.get((person, key), asked == "objection")


class Chosen:
    """What people decided and what holds them, from the rows themselves."""

    def __init__(
        self, decisions: Iterable[tuple[UUID, str, bool]], holds: Iterable[tuple[UUID, str]]
    ) -> None:
        self.decisions = {
            (person, activity): is_open for person, activity, is_open in decisions
        }  # the latest counts
        self.holds: dict[UUID, set[str]] = {}
        for person, kind in holds:
            self.holds.setdefault(person, set()).add(kind)


def _read(name: str) -> Any:
    return yaml.safe_load((SHIPPED / name / "policy.yaml").read_text())


def matches(rules: Any, row: Row, person: UUID, level: Levels, is_free: bool = True) -> bool:  # noqa: FBT001, FBT002 -- part of the row
    """Whether one of a binding's rules lets this person at a row; `is_free`: nobody whose row it is is held."""
    for rule in rules:
        if isinstance(rule, Own) and row[rule.column] == person:
            return True
        if isinstance(rule, Access | Sharing) and not is_free:
            continue
        if isinstance(rule, Access) and level.get((row[rule.column], person), 0) >= rule.level:
            return True
        if isinstance(rule, Both) and all(
            matches([r], row, person, level, is_free) for r in (rule.first, rule.second)
        ):
            return True
        if isinstance(rule, Sharing) and row[rule.column] in shares_with(person, level):
            return True
    return False


def is_ones_own(binding: Bound, row: Row, person: UUID) -> bool:
    """Whether a row is the person's, as owner or party; not where they are only mentioned."""
    return any(row[p.column] == person for p in binding.person if p.via is None and p.role != "mentioned")


def parties(binding: Bound) -> list[str]:
    return [p.column for p in binding.person if p.role != "mentioned" and p.via is None]


def owners(binding: Bound) -> list[str]:
    return [p.column for p in binding.person if p.role == "owner" and p.via is None]


def shares_with(person: UUID, level: Levels) -> set[UUID]:
    """Everybody with whom the person shares a printer that one of the two owns."""
    mine = {printer: own for (printer, who), own in level.items() if who == person}
    return {
        who
        for (printer, who), theirs in level.items()
        if printer in mine and OWNER in (theirs, mine[printer])
    }


def change_rule(binding: Bound) -> Any:
    return binding.see if binding.change is None else binding.change
