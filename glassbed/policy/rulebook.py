"""What a pack allows the program: for each activity and purpose, which kinds of data, and who must agree."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from glassbed.policy.program import KINDS, PURPOSES
from glassbed.policy.vocabulary import Activity, Ground, Pack, Purpose, Reach, Surface

Asked = Literal["consent", "objection"]


class Rule(NamedTuple):
    """What one role may do: kinds → who must have agreed, or None. `surfaces`: the processes that may take it."""

    activity: str
    reach: Reach
    surfaces: tuple[Surface, ...]
    reads: Mapping[str, Asked | None]
    writes: Mapping[str, Asked | None]
    appends: Mapping[str, Asked | None]

    @property
    def asks(self) -> bool:
        return any((*self.reads.values(), *self.writes.values(), *self.appends.values()))


def category_of(pack: Pack) -> dict[str, str]:
    """Kind of data → the pack's category in which it stands."""
    return {
        kind: key
        for key, category in pack.categories.items()
        for kind in (category.covers if category.covers is not None else (key,))
        if kind in KINDS
    }


def activity_of(pack: Pack) -> dict[str, str]:
    """Purpose → the activity that it runs under."""
    return {purpose: key for key, activity in pack.activities.items() for purpose in activity.purposes}


def grounds_of(activity: Activity, category: str) -> tuple[Ground, ...]:
    """The grounds for one category: those that name it, else those that name none."""
    named = tuple(g for g in activity.grounds if category in g.categories)
    return named or tuple(g for g in activity.grounds if not g.categories)


def asked_for(activity: Activity, category: str) -> Asked | None:
    """Who must agree before the database shows a row: nobody, who consented, or who did not object.

    The database can't judge the case of a conditional ground. So without an unconditional one that asks nobody, the
    strictest counts.
    """
    grounds = grounds_of(activity, category)
    asking = {"consent", "legitimate_interest"}
    if any(g.basis not in asking and g.when is None for g in grounds):
        return None
    bases = {g.basis for g in grounds}
    if "consent" in bases:
        return "consent"
    return "objection" if "legitimate_interest" in bases else None


def activity_rules(pack: Pack) -> dict[str, Rule]:
    """Each activity as the pack states it: what may be read for it. Only the verifier takes these roles."""
    kinds = category_of(pack)
    rules = {}
    for key, activity in pack.activities.items():
        reads = {
            kind: asked_for(activity, category)
            for kind, category in kinds.items()
            if category in activity.categories
        }
        rules[key] = Rule(key, "everyone", (), reads, {}, {})
    return rules


def purpose_rules(pack: Pack) -> dict[str, Rule]:
    """Each purpose of the program, cut down to what its activity allows; one without an activity gets nothing."""
    allowed, activities = activity_rules(pack), activity_of(pack)
    return {name: _cut(purpose, activities.get(name), allowed) for name, purpose in PURPOSES.items()}


def _cut(purpose: Purpose, activity: str | None, allowed: Mapping[str, Rule]) -> Rule:
    may = allowed[activity].reads if activity else {}
    reads, writes, appends = (
        {kind: may[kind] for kind in kinds if kind in may}
        for kinds in (purpose.reads, purpose.writes, purpose.appends)
    )
    return Rule(activity or "", purpose.reach, purpose.surfaces if activity else (), reads, writes, appends)


def missing(pack: Pack) -> dict[str, tuple[str, ...]]:
    """Purpose → the kinds that it needs and its activity does not allow. What is listed here would fail when used."""
    rules = purpose_rules(pack)
    found = {
        name: tuple(
            k
            for k in purpose.touches
            if k not in {**rules[name].reads, **rules[name].writes, **rules[name].appends}
        )
        for name, purpose in PURPOSES.items()
        if rules[name].activity
    }
    return {name: kinds for name, kinds in found.items() if kinds}


def asks(activity: Activity) -> Asked | None:
    """Whether somebody is asked for an activity as a whole: the strictest of what its categories ask."""
    found = {asked_for(activity, category) for category in activity.categories}
    return "consent" if "consent" in found else "objection" if "objection" in found else None


class Bit(NamedTuple):
    """What a person can stop. `asked`: the part of an activity that they are asked for; `opens`: on unless stopped."""

    activity: str
    asked: Asked | None
    despite: tuple[str, ...]

    @property
    def opens(self) -> bool:
        return self.asked != "consent"


def bits(pack: Pack) -> dict[Bit, int]:
    """Each thing that a person can stop → its bit. Bits are dealt anew at every apply, and everybody's state with them."""
    dealt = []
    for key, activity in pack.activities.items():
        dealt.append(Bit(key, None, activity.despite))
        if asked := asks(activity):
            dealt.append(Bit(key, asked, activity.despite))
    return {bit: 1 << position for position, bit in enumerate(dealt)}
