"""Reading a pack and checking what can be checked without a database."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from glassbed.policy.vocabulary import Pack, Purpose

SHIPPED = Path(__file__).parent / "packs"

PURPOSE_LIMIT = 62
"""A purpose has a bit in a signed 64-bit number."""


class Fault(NamedTuple):
    """What is wrong with a pack, where, and how to mend it."""

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class PackRefused(Exception):
    """The policy pack can't be used. Nothing was changed; mend what is listed and try again."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def find(name: str) -> Path:
    """Return the policy.yaml of a shipped pack's name or of a folder's path."""
    folder = SHIPPED / name if re.fullmatch(r"[a-z]+", name) else Path(name)
    file = folder / "policy.yaml"
    if not file.is_file():
        shipped = ", ".join(sorted(p.parent.name for p in SHIPPED.glob("*/policy.yaml")))
        raise PackRefused([Fault(file, 1, f"there is no such pack; shipped are: {shipped}")])
    return file


def load(file: Path) -> Pack:
    """Read and check a pack. Raises `PackRefused` with file, line and mend for every fault found."""
    text = file.read_bytes()
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        doubled = list(_doubled_keys(file, tree)) if tree else []
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that there is not
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise PackRefused([Fault(file, mark.line + 1 if mark else 1, f"not YAML: {problem}")]) from error
    try:
        pack = msgspec.convert(raw, Pack)
    except msgspec.ValidationError as error:
        raise PackRefused([Fault(file, line_of(tree, *_place(raw, str(error))), str(error))]) from error
    faults = doubled + [Fault(file, line_of(tree, *path), message) for path, message in _faults(pack)]
    if faults:
        raise PackRefused(faults)
    return pack


def listed(purpose: Purpose) -> tuple[str, ...]:
    """Every category that a purpose may touch in one way or another."""
    return (*purpose.reads, *purpose.writes, *purpose.appends)


def digest(pack: Pack) -> str:
    """SHA-256 of what the pack means. Comments don't count, nor does order but that of purposes, which is their bits'."""
    meaning = (pack, tuple(pack.purposes))
    return hashlib.sha256(msgspec.json.encode(meaning, order="deterministic")).hexdigest()


def line_of(tree: yaml.Node | None, *path: str) -> int:
    """Return the line, counted from 1, of the deepest node of `path` that exists."""
    line = 1
    for step in path:
        if not isinstance(tree, yaml.MappingNode):
            break
        entry = next(((key, value) for key, value in tree.value if key.value == step), None)
        if entry is None:
            break
        line, tree = entry[0].start_mark.line + 1, entry[1]
    return line


def _place(raw: object, message: str) -> list[str]:
    """Return the keys down to what msgspec refused. It leaves out a mapping's own keys: they are tried in turn."""
    place = re.search(r"at `(?:key in )?\$\.?([^`]*)`", message)
    section, *rest = re.findall(r"[a-z_0-9]+", place[1]) if place else [""]
    types = {field.name: field.type for field in msgspec.structs.fields(Pack)}
    entries = raw.get(section) if section in types and isinstance(raw, dict) else None
    wrong = (
        [k for k, v in entries.items() if _is_refused({k: v}, types[section])]
        if isinstance(entries, dict)
        else []
    )
    return [section, *wrong[:1], *rest]


def _is_refused(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return True
    return False


def _doubled_keys(file: Path, node: yaml.Node) -> Iterator[Fault]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                yield Fault(file, key.start_mark.line + 1, f"{key.value!r} stands twice; keep one of them")
            seen.add(key.value)
            yield from _doubled_keys(file, value)


def _faults(pack: Pack) -> Iterator[tuple[tuple[str, ...], str]]:
    used = {category for purpose in pack.purposes.values() for category in listed(purpose)}
    for key in pack.categories.keys() - used:
        yield (
            ("categories", key),
            f"category {key!r} is used by no purpose: drop it, or list it where it is needed",
        )
    if len(pack.purposes) > PURPOSE_LIMIT:
        yield ("purposes",), f"{len(pack.purposes)} purposes; the limit is {PURPOSE_LIMIT}: merge some"
    for key, purpose in pack.purposes.items():
        yield from _purpose_faults(pack, key, purpose)
    for key, rule in pack.retention.items():
        if (rule.kind == "period") != (rule.days is not None):
            yield ("retention", key), f"retention {key!r}: a period has 'days', and nothing else has"


def _purpose_faults(pack: Pack, key: str, purpose: Purpose) -> Iterator[tuple[tuple[str, ...], str]]:
    where = ("purposes", key)
    for category in listed(purpose):
        if category not in pack.categories:
            yield where, f"purpose {key!r} lists {category!r}, which is no category of this pack"
    if len(set(listed(purpose))) < len(listed(purpose)):
        yield where, f"purpose {key!r} lists a category twice: writing includes reading and appending"
    if purpose.reach == "everyone" and not purpose.because:
        yield where, f"purpose {key!r} reaches everyone's rows and does not say why: add 'because'"
    if purpose.basis == "legitimate_interest" and not purpose.balancing:
        yield where, f"purpose {key!r} rests on legitimate interest: add its 'balancing' test"
