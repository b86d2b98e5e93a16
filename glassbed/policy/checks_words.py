"""What must hold of a pack's texts: a text never says a number that is a field, it has {period} in its place."""

import re
from collections.abc import Iterator

import msgspec

from glassbed.policy import periods
from glassbed.policy.vocabulary import Entry, Pack, Retention

Path = tuple[str, ...]
Found = Iterator[tuple[Path, str]]

FIELDS = ("says", "asks", "holds", "without")


def faults(pack: Pack) -> Found:
    everywhere = dict(_stated(pack))
    for path, entry in entries(pack):
        for field in FIELDS:
            text = getattr(entry, field, None)
            if isinstance(text, str):
                yield from _text((*path, field), entry, text, everywhere)


def entries(pack: Pack) -> Iterator[tuple[Path, Entry]]:
    """Every entry of a pack that has fields of its own, with its path."""
    for section in msgspec.structs.fields(Pack):
        value = getattr(pack, section.name)
        if isinstance(value, Entry):
            yield (section.name,), value
        elif isinstance(value, dict):
            yield from (
                ((section.name, key), entry) for key, entry in value.items() if isinstance(entry, Entry)
            )


def _stated(pack: Pack) -> Iterator[tuple[float, str]]:
    for path, entry in entries(pack):
        for field, days in periods.stated(entry).items():
            yield round(days, 4), ".".join((*path, field))


def _text(path: Path, entry: Entry, text: str, everywhere: dict[float, str]) -> Found:
    field = periods.FIELDS.get(type(entry))
    mend = "write {period}" if field else "leave the number out"
    for place in re.findall(r"\{[^}]*\}?", text):
        if place != periods.PLACE or field is None or getattr(entry, field) is None:
            yield (
                path,
                f"{place} stands for nothing here: only {{period}} does, in an entry that has a period",
            )
    if isinstance(entry, Retention) and re.search(r"\d", text):
        yield path, "a number in words can contradict the field: write {period}"
        return
    own = {str(number) for number in msgspec.structs.asdict(entry).values() if type(number) is int and number}
    for number in sorted(own & set(re.findall(r"\d+", text))):
        yield path, f"the text repeats the number {number}, which is a field of this entry: {mend}"
    for words, days in periods.named(text):
        if (there := everywhere.get(round(days, 4))) and not own & set(re.findall(r"\d+", words)):
            yield path, f"'{words}' repeats {there}, and would stay when that changes: {mend}"
