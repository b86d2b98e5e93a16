"""Reading a pack and checking what can be checked without a database."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_origin

import msgspec
import yaml

from glassbed.policy import checks
from glassbed.policy.vocabulary import Pack

SHIPPED = Path(__file__).parent / "packs"


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
        doubled = list(doubled_keys(file, tree)) if tree else []
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that there is not
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise PackRefused([Fault(file, mark.line + 1 if mark else 1, f"not YAML: {problem}")]) from error
    missing = list(_fill_silent(raw)) if isinstance(raw, dict) else []
    try:
        pack = msgspec.convert(raw, Pack)
    except msgspec.ValidationError as error:
        raise PackRefused([Fault(file, line_of(tree, *_place(raw, str(error))), str(error))]) from error
    found = [*missing, *checks.faults(pack, file.parent)]
    faults = doubled + [Fault(file, line_of(tree, *path), message) for path, message in found]
    if faults:
        raise PackRefused(faults)
    return pack


def _fill_silent(raw: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Put house's entries where the pack says that its document is silent."""
    silent = raw.get("silent")
    if not isinstance(silent, dict) or not silent:
        return
    house = yaml.safe_load((SHIPPED / "house" / "policy.yaml").read_bytes())
    for section, keys in silent.items():
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            continue  # refused with the pack's shape
        entries = house.get(section)
        own = raw.setdefault(section, {})
        if not isinstance(entries, dict) or not isinstance(own, dict):
            yield ("silent", str(section)), f"house has no section {section!r} with entries to take"
            continue
        for key in keys:
            if key in own:
                yield (
                    ("silent", section),
                    f"{section}: {key!r} stands in the pack, so its document is not silent on it",
                )
            elif key not in entries:
                yield ("silent", section), f"{section}: house has no {key!r} to take"
            else:
                own[key] = entries[key]


def encoded(pack: Pack) -> str:
    """The pack as JSON, silent entries filled in: what is kept of each version."""
    return msgspec.json.encode(pack, order="deterministic").decode()


def decoded(content: str) -> Pack:
    """The pack of a version that was kept."""
    return msgspec.json.decode(content, type=Pack)


def digest(pack: Pack) -> str:
    """SHA-256 of what the pack means, its words included. Comments and the order of entries don't count."""
    return hashlib.sha256(encoded(pack).encode()).hexdigest()


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
        if isinstance(entries, dict) and get_origin(types[section]) is dict
        else []
    )
    return [section, *wrong[:1], *rest]


def _is_refused(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return True
    return False


def doubled_keys(file: Path, node: yaml.Node) -> Iterator[Fault]:
    """Find keys that stand twice in one mapping, of which YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                yield Fault(file, key.start_mark.line + 1, f"{key.value!r} stands twice; keep one of them")
            seen.add(key.value)
            yield from doubled_keys(file, value)
