"""A pack's words in another language: de.yaml and zh-hans.yaml beside policy.yaml hold the same tree, texts only.

Where a text is missing, the English one stands. What policy.yaml takes from house, says house's file. Items of a list
keep their places: `{}` stands for one that has no text.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from glassbed.policy import checks_words, pack
from glassbed.policy.pack import SHIPPED, Fault, line_of
from glassbed.policy.vocabulary import Language, Pack

Place = tuple[str, ...]

LANGUAGES: tuple[Language, ...] = tuple(sorted(set(get_args(Language)) - {"en"}))
"""The languages that have a file of their own: English stands in policy.yaml."""

WORDS = frozenset(
    {"title", "summary", "says", "holds", "asks", "without", "does", "because", "balancing", "when", "logic"}
)
"""Fields that are prose in every pack, so that each language has to say them."""

NAMES = frozenset({"name", "contact", "address", "law"})
"""Fields that may be prose or a proper name: a language says them where they are not the same."""

PROSE = frozenset({("measures",), ("public",), ("staff", "reasons"), ("log", "fields")})
"""Mappings whose every value is prose."""


def of(tree: Any, *, optional: bool = False) -> dict[Place, str]:
    """The texts of a pack's tree, by their place; a number is a place in a list. `optional`: names as well."""
    wanted = WORDS | NAMES if optional else WORDS
    return {place: text for place, text in leaves(tree) if isinstance(text, str) and is_text(place, wanted)}


def is_text(place: Place, wanted: frozenset[str] = WORDS | NAMES) -> bool:
    if place[:1] == ("regions",) and place[2:3] == ("patch",):
        place = place[3:]
    return place[0] != "document" and (place[-1] in wanted or place[:-1] in PROSE)


def leaves(tree: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value of a tree that holds no others, with its place."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*place, str(key)))
    elif isinstance(tree, list | tuple):
        for number, value in enumerate(tree):
            yield from leaves(value, (*place, str(number)))
    elif place:
        yield place, tree


def localized(found: Pack, language: Language, folder: Path | None = None) -> Pack:
    """Return the same pack with its words in a language. `folder`: where policy.yaml stands, unless it is shipped."""
    return (
        _said(found, language, _read(folder or SHIPPED / found.pack, language)) if language != "en" else found
    )


def _said(found: Pack, language: Language, own: Mapping[Place, Any]) -> Pack:
    taken = _read(SHIPPED / "house", language) if found.silent else {}
    said = {place: text for place, text in taken.items() if _is_silent(found, place)} | dict(own)
    tree = msgspec.to_builtins(found)
    for place in of(tree, optional=True).keys() & said.keys():
        _put(tree, place, said[place])
    return msgspec.convert(tree, Pack)


def _is_silent(found: Pack, place: Place) -> bool:
    return len(place) > 1 and place[1] in found.silent.get(place[0], ())


def _put(tree: Any, place: Place, text: str) -> None:
    *steps, last = place
    for step in steps:
        tree = tree[int(step)] if isinstance(tree, list | tuple) else tree[step]
    tree[last] = text


@cache
def _read(folder: Path, language: Language) -> Mapping[Place, Any]:
    file = folder / f"{language}.yaml"
    return dict(leaves(yaml.safe_load(file.read_bytes()))) if file.is_file() else {}


def faults(file: Path, found: Pack) -> Iterator[Fault]:
    """What is wrong with the languages beside a pack's policy.yaml: a missing file, text, or one too many."""
    policy = yaml.compose(file.read_bytes(), Loader=yaml.SafeLoader)
    line = line_of(policy, "languages")
    for language in LANGUAGES:
        said = file.with_name(f"{language}.yaml")
        if said.is_file() and language in found.languages:
            yield from _faults_of(said, language, found)
        elif said.is_file():
            yield Fault(
                file, line, f"{said.name} is there, and {language!r} is not listed: add it, or drop the file"
            )
        elif language in found.languages:
            yield Fault(file, line, f"there is no {said.name}: write it, or drop {language!r}")


def _faults_of(file: Path, language: Language, found: Pack) -> Iterator[Fault]:
    try:
        tree = yaml.compose(file.read_bytes(), Loader=yaml.SafeLoader)
        said = yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that there is not
        yield Fault(file, 1, f"not YAML: {error}")
        return
    yield from pack.doubled_keys(file, tree) if tree else ()
    builtins = msgspec.to_builtins(found)
    required = {place for place in of(builtins) if not _is_silent(found, place)}
    allowed = {place for place in of(builtins, optional=True) if not _is_silent(found, place)}
    own = dict(leaves(said))
    for place in sorted(required - own.keys()):
        yield Fault(file, line_of(tree, *place), f"{'.'.join(place)} is missing: say it as policy.yaml does")
    for place in sorted(own.keys() - allowed):
        yield Fault(file, line_of(tree, *place), f"{'.'.join(place)} is no text of policy.yaml: drop it")
    try:
        words = list(checks_words.faults(_said(found, language, own)))
    except msgspec.ValidationError as error:
        yield Fault(file, 1, f"a text is too short or none: {error}")
        return
    yield from (
        Fault(file, line_of(tree, *path), message) for path, message in words if not _is_silent(found, path)
    )
