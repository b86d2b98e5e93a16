"""What must hold within a pack, checked without a database: each fault with the path to its entry and how to mend it.

Which of the model's invariants is checked where, those that need a database included: tests/policy/test_checks.py.
"""

from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from pathlib import Path

import msgspec

from glassbed.policy import checks_activities, checks_parties, checks_people, checks_words, rulebook
from glassbed.policy.program import KINDS
from glassbed.policy.regions import patched
from glassbed.policy.vocabulary import Pack

Found = Iterator[tuple[tuple[str, ...], str]]

BIT_LIMIT = 62
"""What can be stopped has a bit in a signed 64-bit number: one an activity, and one more where somebody is asked."""

TERMS = frozenset(Path(__file__).with_name("dpv.txt").read_text(encoding="utf-8").splitlines()[1:])


def faults(pack: Pack, folder: Path | None = None) -> Found:
    """Find what is wrong. `folder`: where policy.yaml stands, for the files that it names."""
    found = [*_within(pack), *checks_parties.faults(pack, folder)]
    yield from found
    if not found:  # a fault of the pack would come again in each region
        yield from _regions(pack, folder)


def _within(pack: Pack) -> Found:
    for check in (
        _kinds,
        checks_activities.faults,
        _bits,
        checks_people.faults,
        checks_words.faults,
        _retention,
        _terms,
        _dates,
    ):
        yield from check(pack)


def _kinds(pack: Pack) -> Found:
    seen: dict[str, str] = {}
    for key, category in pack.categories.items():
        for kind in category.covers if category.covers is not None else (key,):
            if category.covers is not None and kind not in KINDS:
                yield (
                    ("categories", key, "covers"),
                    f"{kind!r} is no kind of data of the program: {', '.join(KINDS)}",
                )
            if kind in seen:
                yield (
                    ("categories", key),
                    f"{kind!r} stands in {seen[kind]!r} and {key!r}: one category covers a kind",
                )
            seen[kind] = key
    for kind in KINDS.keys() - seen.keys():
        yield ("categories",), f"no category covers {kind!r} ({KINDS[kind]}): name it under 'covers' of one"
    used = {category for activity in pack.activities.values() for category in activity.categories}
    for key in pack.categories.keys() - used:
        yield (
            ("categories", key),
            f"category {key!r} is used by no activity: drop it, or list it where it is needed",
        )


def _bits(pack: Pack) -> Found:
    if (needed := len(rulebook.bits(pack))) > BIT_LIMIT:
        yield (
            ("activities",),
            f"{needed} things that can be stopped; the limit is {BIT_LIMIT}: merge some activities",
        )


def _retention(pack: Pack) -> Found:
    for key, rule in pack.retention.items():
        if (rule.kind in {"period", "legal"}) != (rule.days is not None):
            yield ("retention", key), f"retention {key!r}: a period has 'days', and nothing else has"
        if rule.kind == "legal" and not rule.law:
            yield ("retention", key), f"retention {key!r} rests on a law: cite it under 'law'"


def _terms(pack: Pack) -> Found:
    used = [
        *((("categories", key, "dpv"), category.dpv) for key, category in pack.categories.items()),
        *((("activities", key, "dpv"), activity.dpv) for key, activity in pack.activities.items()),
        *(
            (("rights", key, "refusals"), term)
            for key, right in pack.rights.items()
            for term in right.refusals
        ),
    ]
    for path, term in used:
        if term not in TERMS:
            near = ", ".join(get_close_matches(term, TERMS)) or "look into dpv.txt"
            yield path, f"{term!r} is no term of DPV 2.3: {near}"


def _dates(pack: Pack) -> Found:
    dates = {
        ("effective", "new_people"): pack.effective.new_people,
        ("effective", "existing_people"): pack.effective.existing_people,
    }
    if pack.document and pack.document.dated:
        dates["document", "dated"] = pack.document.dated
    for path, written in dates.items():
        try:
            date.fromisoformat(written)
        except ValueError:
            yield path, f"there is no day {written}: mend it"
    if pack.effective.existing_people < pack.effective.new_people:
        yield (
            ("effective",),
            "it holds for people who were there before, earlier than for new ones: swap or equal the days",
        )


def _regions(pack: Pack, folder: Path | None) -> Found:
    seen: dict[str, str] = {}
    for key, region in pack.regions.items():
        for country in region.countries:
            if country in seen:
                yield (
                    ("regions", key),
                    f"{country} stands in {seen[country]!r} and {key!r}: one region has a country",
                )
            seen[country] = key
        try:
            there = patched(pack, key)
        except msgspec.ValidationError as error:
            yield ("regions", key, "patch"), f"with this patch it is no pack: {error}"
            continue
        for path, message in (*_within(there), *checks_parties.faults(there, folder)):
            yield ("regions", key, "patch", *path), message
