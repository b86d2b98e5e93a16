"""`glassbed policy`: checks a pack, says what changes between two, prints the schema for editors."""

import argparse
import json
from typing import Any

import msgspec

from glassbed.policy import diff, pack, texts
from glassbed.policy.vocabulary import Ages, Incident, Log, Pack, Staff

REQUIRED = ("pack", "title", "version", "effective", "languages", "summary")
"""What a pack says itself; the rest can be house's."""


def main(argv: list[str]) -> int:
    return run(parser()[0], argv)


def run(asked: argparse.ArgumentParser, argv: list[str]) -> int:
    """Run what is asked for; a pack that can't be used is told by its faults."""
    arguments = asked.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except pack.PackRefused as refusal:
        print(refusal)
        return 1


def parser() -> tuple[argparse.ArgumentParser, Any]:
    """Make the parser, and the place where a process adds commands that need the database."""
    found = argparse.ArgumentParser(prog="glassbed policy", description=__doc__)
    commands = found.add_subparsers(dest="command", required=True)
    checking = commands.add_parser(
        "check", help="check a shipped pack, or one in a folder: file, line and mend"
    )
    checking.add_argument("pack", nargs="?", default="house")
    checking.set_defaults(run=_check)
    comparing = commands.add_parser("diff", help="say what changes from one pack to another, and for whom")
    comparing.add_argument("old")
    comparing.add_argument("new")
    comparing.set_defaults(run=_diff)
    commands.add_parser("schema", help="print the JSON Schema of a pack, for editors").set_defaults(
        run=_schema
    )
    return found, commands


def _check(arguments: argparse.Namespace) -> int:
    file = pack.find(arguments.pack)
    found = pack.load(file)
    if faults := list(texts.faults(file, found)):
        raise pack.PackRefused(faults)
    print(
        f"{found.pack} {found.version}: {len(found.categories)} categories, {len(found.activities)} activities, sound."
    )
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    old, new = (pack.load(pack.find(name)) for name in (arguments.old, arguments.new))
    for change in diff.changes(old, new):
        print(f"{change.effect:8}{change.words} ({', '.join(change.subjects)})")
    for activity in sorted(diff.asks_again(old, new)):
        print(f"asks    {activity}: people must agree anew")
    return 0


def _schema(_arguments: argparse.Namespace) -> int:
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a pack. What house fills in where the pack is silent, is not required."""
    found = msgspec.json.schema(Pack, schema_hook=_anything)
    kinds = found["$defs"]
    for kind in (Ages, Staff, Log, Incident):
        del kinds[kind.__name__]["required"]
    kinds["Pack"]["required"] = list(REQUIRED)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _anything(_kind: type) -> dict[str, Any]:
    """Describe `object`, the one type that msgspec has no schema for."""
    return {"description": "Anything, in the pack's own shape; null takes away."}
