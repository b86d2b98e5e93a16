"""The rules of the diff: what each field that differs does to what is done with people's data."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, NamedTuple

import msgspec

from glassbed.policy import rights_matrix, rulebook
from glassbed.policy.checks_parties import AT_HOME
from glassbed.policy.vocabulary import Activity, Choice, Entry, Feature, Pack

Effect = Literal["widens", "narrows", "neutral"]
Path = tuple[str, ...]


class Found(NamedTuple):
    path: Path
    words: str
    effect: Effect


MORE_IS_WIDER: dict[str, tuple[str, ...]] = {
    "activities": ("purposes", "recipients", "subjects", "despite"),
    "categories": ("covers",),
    "disclosures": ("categories", "fields"),
    "rights": ("refusals",),
    "features": ("activities",),
}
"""Section → its entries' lists, in which one more means that more is done. `LESS_IS_WIDER`: the other way round."""

LESS_IS_WIDER: dict[str, tuple[str, ...]] = {"activities": ("measures",), "choices": ("signals",)}

LONGER_IS_WIDER: dict[str, tuple[str, ...]] = {
    "choices": ("valid_days",),
    "rights": ("months", "extension_months", "repeat_days"),
    "storage": ("lifetime_days",),
}

SCALES: dict[tuple[str, str], tuple[object, ...]] = {
    ("activities", "automation"): ("none", "profiling", "decision"),
    ("parties", "role"): ("processor", "person", "recipient", "affiliate", "partner"),
    ("rights", "identity"): ("session", "password", "address", "document"),
    ("rights", "self_service"): (True, False),
    ("storage", "grade"): ("necessary", "functional", "analytics", "marketing"),
    ("features", "on"): (False, True),
}
"""Section and field → its values from the narrowest to the widest."""

OTHER_IS_WIDER: dict[str, tuple[str, ...]] = {
    "activities": ("dpv",),
    "disclosures": ("to", "activity"),
    "choices": ("activity",),
    "storage": ("choice",),
}
"""Section → fields of which another value is another purpose or receiver, which nobody was told of."""

ENTRIES: dict[str, tuple[Effect, Effect]] = {
    "activities": ("widens", "narrows"),
    "choices": ("narrows", "widens"),
    "disclosures": ("widens", "narrows"),
    "rights": ("narrows", "widens"),
    "storage": ("widens", "narrows"),
    "public": ("widens", "narrows"),
    "features": ("widens", "narrows"),
}
"""Section → what an entry more, and one less, does. Elsewhere an entry counts where another uses it."""

NUMBERS: tuple[Path, ...] = (
    ("ages", "freeze_days"),
    ("log", "keep_days"),
    ("log", "truncate_addresses_after_days"),
    ("staff", "minutes"),
    ("staff", "review_days"),
    ("incident", "authority_hours"),
    ("incident", "people_hours"),
)


def judged(old: Pack, new: Pack) -> Iterator[Found]:
    for section in msgspec.structs.fields(Pack):
        if section.name not in {"regions", "signals", "silent"} and isinstance(
            getattr(old, section.name), dict
        ):
            yield from _entries(section.name, old, new)
    yield from _grounds(old, new)
    yield from _countries(old, new)
    yield from _retention(old, new)
    yield from _single(old, new)


def _entries(section: str, old: Pack, new: Pack) -> Iterator[Found]:
    before, after = getattr(old, section), getattr(new, section)
    more, less = ENTRIES.get(section, ("neutral", "neutral"))
    shared = old.activities.keys() & new.activities.keys()
    for key in [key for key in after if key not in before]:
        yield Found((section, key), "is new", "neutral" if _is_idle(after[key], shared) else more)
    for key, was in before.items():
        if key not in after:
            yield Found((section, key), "is dropped", "neutral" if _is_idle(was, shared) else less)
        elif isinstance(was, Entry):
            yield from _fields(section, (section, key), was, after[key])


def _is_idle(entry: object, shared: AbstractSet[str]) -> bool:
    """Whether an entry does nothing by itself: a feature that is off, a choice that comes or goes with its activity."""
    if isinstance(entry, Choice):
        return entry.activity not in shared
    return isinstance(entry, Feature) and not entry.on


def _fields(section: str, path: Path, old: Any, new: Any) -> Iterator[Found]:
    for rules, more, less in (
        (MORE_IS_WIDER, "widens", "narrows"),
        (LESS_IS_WIDER, "narrows", "widens"),
    ):
        for field in rules.get(section, ()):
            yield from _list(
                (*path, field), _several(old, path, field), _several(new, path, field), more, less
            )
    for field in LONGER_IS_WIDER.get(section, ()):
        yield from _number((*path, field), getattr(old, field), getattr(new, field))
    for (of, field), scale in SCALES.items():
        if of == section:
            yield from _step((*path, field), getattr(old, field), getattr(new, field), scale)
    for field in OTHER_IS_WIDER.get(section, ()):
        if getattr(old, field) != getattr(new, field):
            yield Found((*path, field), f"{getattr(old, field)} → {getattr(new, field)}", "widens")
    if isinstance(old, Activity):
        yield from _uses(path, old, new)


def _several(entry: Any, path: Path, field: str) -> Sequence[str]:
    """A list of an entry. A category that does not say what it covers covers the kind of its own name."""
    found = getattr(entry, field)
    return path[-1:] if found is None else found


def _list(path: Path, old: Sequence[str], new: Sequence[str], more: Any, less: Any) -> Iterator[Found]:
    if added := [key for key in new if key not in old]:
        yield Found(path, f"also {', '.join(added)}", more)
    if gone := [key for key in old if key not in new]:
        yield Found(path, f"no longer {', '.join(gone)}", less)


def _number(path: Path, old: int | None, new: int | None) -> Iterator[Found]:
    if old != new:
        longer = old is not None and (new is None or new > old)
        said = ["without end" if number is None else str(number) for number in (old, new)]
        yield Found(path, " → ".join(said), "widens" if longer else "narrows")


def _step(path: Path, old: object, new: object, scale: Sequence[object]) -> Iterator[Found]:
    if old != new:
        known = old in scale and new in scale
        up = known and scale.index(new) > scale.index(old)
        yield Found(path, f"{old} → {new}", "widens" if up else "narrows" if known else "neutral")


def _uses(path: Path, old: Activity, new: Activity) -> Iterator[Found]:
    where = (*path, "categories")
    yield from _list(where, tuple(old.categories), tuple(new.categories), "widens", "narrows")
    for key in old.categories.keys() & new.categories.keys():
        was, now = old.categories[key], new.categories[key]
        yield from _list((*where, key, "origin"), was.origin, now.origin, "widens", "narrows")
        yield from _step((*where, key, "necessity"), was.necessity, now.necessity, ("optional", "required"))


_ASKED: tuple[object, ...] = ("consent", "objection", None)
"""What somebody can do against an activity, from the most to nothing."""


def _grounds(old: Pack, new: Pack) -> Iterator[Found]:
    for key in [key for key in old.activities if key in new.activities]:
        was, now = old.activities[key], new.activities[key]
        told: dict[tuple[str, Effect], list[str]] = {}
        for category in [category for category in was.categories if category in now.categories]:
            bases = [tuple(g.basis for g in rulebook.grounds_of(a, category)) for a in (was, now)]
            asked = [_ASKED.index(rulebook.asked_for(a, category)) for a in (was, now)]
            if bases[0] != bases[1] or asked[0] != asked[1]:
                words = " → ".join(" or ".join(basis) for basis in bases)
                told.setdefault((words, _ground_effect(was, now, asked)), []).append(category)
        for (words, effect), categories in told.items():
            yield Found(("activities", key, "grounds"), f"{words} for {', '.join(categories)}", effect)


def _ground_effect(old: Activity, new: Activity, asked: list[int]) -> Effect:
    """Who must agree counts first; where that stays, the rights that go or come with the ground."""
    if asked[0] != asked[1]:
        return "widens" if asked[1] > asked[0] else "narrows"
    was, now = rights_matrix.articles(old), rights_matrix.articles(new)
    return "widens" if was - now else "narrows" if now - was else "neutral"


def _countries(old: Pack, new: Pack) -> Iterator[Found]:
    for key in [key for key in old.parties if key in new.parties]:
        was, now = old.parties[key].country, new.parties[key].country
        if was != now:
            narrows = now == "instance" or (now == "chosen" and was not in AT_HOME)
            yield Found(("parties", key, "country"), f"{was} → {now}", "narrows" if narrows else "widens")
    for key in [key for key in old.activities if key in new.activities]:
        before, after = (pack.activities[key].recipients for pack in (old, new))
        where = ("activities", key, "recipients")
        if reached := _abroad(new, set(after) - set(before)) - _abroad(old, before):
            yield Found(where, f"data now goes to {', '.join(sorted(reached))}", "widens")
        if left := _abroad(old, set(before) - set(after)) - _abroad(new, after):
            yield Found(where, f"data no longer goes to {', '.join(sorted(left))}", "narrows")


def _abroad(pack: Pack, parties: Iterable[str]) -> set[str]:
    return {pack.parties[party].country for party in parties} - AT_HOME


_KINDS = ("period", "legal", "until_removed", "with_account")
"""Kinds of retention, from the one that ends soonest, where their days are the same."""


def _retention(old: Pack, new: Pack) -> Iterator[Found]:
    for key in [key for key in old.retention if key in new.retention]:
        was, now = old.retention[key], new.retention[key]
        if was.days and now.days and was.days != now.days:
            yield from _number(("retention", key, "days"), was.days, now.days)
        else:
            yield from _step(("retention", key, "kind"), was.kind, now.kind, _KINDS)


def _single(old: Pack, new: Pack) -> Iterator[Found]:
    """Sections that are one entry, and the signals."""
    for section, field in NUMBERS:
        values = [getattr(getattr(pack, section), field) for pack in (old, new)]
        yield from _number((section, field), *values)
    yield from _step(("ages", "below"), old.ages.below, new.ages.below, ("refused", "guardian"))
    yield from _step(("ages", "fallback"), old.ages.fallback, new.ages.fallback, range(18, 12, -1))
    yield from _list(("log", "fields"), tuple(old.log.fields), tuple(new.log.fields), "widens", "narrows")
    yield from _list(
        ("staff", "reasons"), tuple(old.staff.reasons), tuple(new.staff.reasons), "widens", "narrows"
    )
    for signal in sorted(old.signals.keys() | new.signals.keys()):
        was, now = (pack.signals.get(signal, False) for pack in (old, new))
        yield from _step(("signals", signal), was, now, (True, False))
