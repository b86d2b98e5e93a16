"""What changes from one pack to another, each change in words: whether it widens or narrows what is done, and for whom.

Words alone are neutral. Nothing that differs goes unsaid: what no rule below judges is told as neutral.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from glassbed.policy import rulebook, texts
from glassbed.policy.diff_rules import Effect, Found, Path, judged
from glassbed.policy.regions import patched
from glassbed.policy.vocabulary import Pack


class Change(NamedTuple):
    """One difference. `path`: where it stands in the packs; `subjects`: the people whom it concerns."""

    path: Path
    words: str
    effect: Effect
    subjects: tuple[str, ...]


EVERYBODY_MEETS = frozenset({"storage", "log", "signals", "public"})
"""Sections that concern whoever opens a page."""


def changes(old: Pack, new: Pack) -> list[Change]:
    """Say what differs: first what everybody meets, then what holds in a region alone, then what no rule judges."""
    found = list(judged(old, new))
    everywhere = {(change.path, change.words) for change in found}
    for key in sorted(old.regions.keys() | new.regions.keys()):
        found += [
            change._replace(path=("regions", key, "patch", *change.path))
            for change in judged(_there(old, key), _there(new, key))
            if (change.path, change.words) not in everywhere
        ]
    found += list(_unjudged(old, new, [change.path for change in found]))
    return [
        Change(path, f"{_label(path)}: {words}", effect, _subjects(path, old, new))
        for path, words, effect in found
    ]


def _there(pack: Pack, region: str) -> Pack:
    """The pack as it holds in a region; without a patch for it, what holds everywhere holds there."""
    return patched(pack, region) if region in pack.regions else pack


_SCOPE = frozenset({"activities", "categories", "disclosures", "parties", "choices"})


def asks_again(old: Pack, new: Pack) -> set[str]:
    """The activities for which an earlier yes does not hold: a consent that is new, or whose scope has widened."""
    widened = {
        activity
        for change in changes(old, new)
        if change.effect == "widens" and _home(change.path)[0] in _SCOPE and change.path[-1] != "signals"
        for pack in (old, new)
        for activity in _activities(change.path, pack)
    }
    return {
        key
        for key, activity in new.activities.items()
        if rulebook.asks(activity) == "consent"
        and (key in widened or rulebook.asks(old.activities[key]) != "consent")  # what is new has widened
    }


def _unjudged(old: Pack, new: Pack, told: Iterable[Path]) -> Iterator[Found]:
    before, after = (_flat(pack) for pack in (old, new))
    seen = set(told)
    for place in [*before, *(place for place in after if place not in before)]:
        if before.get(place) != after.get(place) and not any(
            place[:end] in seen for end in range(1, len(place) + 1)
        ):
            words = (
                "worded otherwise" if texts.is_text(place) else f"{before.get(place)} → {after.get(place)}"
            )
            yield Found(place, words, "neutral")


def _flat(pack: Pack) -> dict[Path, Any]:
    """The values of a pack by their place, lists of keys whole and sorted: their order means nothing."""
    flat: dict[Path, Any] = {}
    for place, value in texts.leaves(msgspec.to_builtins(pack)):
        if place[-1].isdigit() and isinstance(value, str):
            flat[place[:-1]] = [*flat.get(place[:-1], []), value]
        else:
            flat[place] = value
    return {
        place: ", ".join(sorted(value)) if isinstance(value, list) else value for place, value in flat.items()
    }


_ONE = {
    "activities": "activity",
    "categories": "category",
    "parties": "party",
    "measures": "measure",
    "choices": "choice",
    "disclosures": "disclosure",
    "rights": "right",
    "features": "feature",
    "regions": "region",
    "signals": "signal",
}


def _label(path: Path) -> str:
    section, *rest = path
    if section == "regions" and rest[1:2] == ["patch"] and rest[2:]:
        return f"region {rest[0]}, {_label(tuple(rest[2:]))}"
    if section in _ONE and rest:
        return ", ".join([f"{_ONE[section]} {rest[0]}", *rest[1:]])
    return ", ".join(path)


def _home(path: Path) -> Path:
    """The path without the region that it stands in."""
    return path[3:] if path[0] == "regions" and path[3:] else path


def _activities(path: Path, pack: Pack) -> set[str]:
    """The activities that an entry belongs to, as far as it belongs to some and not to all."""
    section, *keys = _home(path)
    key = keys[0] if keys else ""
    if section == "activities":
        return {key} & pack.activities.keys()
    if section == "parties":
        return {name for name, activity in pack.activities.items() if key in activity.recipients}
    if section == "categories":
        return {name for name, activity in pack.activities.items() if key in activity.categories}
    if section == "features":
        return set(pack.features[key].activities) & pack.activities.keys() if key in pack.features else set()
    entries: Any = {"choices": pack.choices, "disclosures": pack.disclosures}.get(section, {})
    return {entries[key].activity} & pack.activities.keys() if key in entries else set()


def _subjects(path: Path, old: Pack, new: Pack) -> tuple[str, ...]:
    section = _home(path)[0]
    if section == "ages":
        return ("account_holder", "guardian")
    some = {key for pack in (old, new) for key in _activities(path, pack)}
    found = {"visitor"} if section in EVERYBODY_MEETS else set()
    for pack in (old, new):
        for key, activity in pack.activities.items():
            if key in some or not some:
                found |= set(activity.subjects)
    return tuple(sorted(found))
