"""What is held about oneself, field by field, and what happened to it: from the rows and the record, no second store."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db.models import Field, Model, QuerySet
from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from glassbed.features.accounts.request import SignedIn
from glassbed.features.trust.choices import language
from glassbed.features.trust.models import Decision
from glassbed.features.trust.own_words import COLUMNS, COMMANDS, KINDS, NOTED, TABLES
from glassbed.foundation.bindings import bindings
from glassbed.foundation.models import LedgerNote
from glassbed.foundation.purpose import for_purpose
from glassbed.policy import periods, rulebook
from glassbed.policy.binding import Bound
from glassbed.policy.program import PURPOSES
from glassbed.policy.texts import localized
from glassbed.policy.vocabulary import Activity, Category, Pack, Retention

LATEST = 10
"""Rows of a table that the page shows at once."""
TIMELINE = 100
NAMES = ("name", "file_name", "subject", "email")
"""Columns by which a row is told from others like it."""


class Row(NamedTuple):
    """A row in words: label and value of each field; `withheld` are the labels of those that are never shown."""

    title: str
    fields: list[tuple[str, str | datetime]]
    withheld: list[str]


class Held(NamedTuple):
    """What is held of a category, why, and for how long."""

    key: str
    category: Category
    total: int
    rows: list[Row]
    activities: list[Activity]
    periods: list[str]


class Happening(NamedTuple):
    """Something that was collected, disclosed, looked at or decided."""

    at: datetime
    kind: str  # collected, disclosed, decided, or another kind of the record
    category: str
    by: str
    what: str

    @property
    def word(self) -> str:
        return str(KINDS[self.kind])


class Reader(NamedTuple):
    """In whose words values are said: the policy in their language, their own id, and the names of what they have."""

    pack: Pack
    person: UUID
    names: Mapping[str, str]  # by id


@for_purpose("own_data")
@require_safe
def held(request: SignedIn) -> HttpResponseBase:
    """Everything that is held about the person, by category, with why and how long."""
    return render(request, "trust/own_data.html", {"held": list(_held(_reader(request)))})


@for_purpose("own_data")
@require_safe
def happenings(request: SignedIn) -> HttpResponseBase:
    """What was collected, disclosed, decided or looked at, newest first; asked again while the page is open."""
    kind = request.GET.get("kind", "")
    found = sorted(_happenings(_reader(request)), key=attrgetter("at"), reverse=True)
    kinds = [(name, word) for name, word in KINDS.items() if name in {happening.kind for happening in found}]
    shown = [happening for happening in found if not kind or happening.kind == kind][:TIMELINE]
    context = {"happenings": shown, "kinds": kinds, "kind": kind}
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "trust/happenings_list.html" if is_part else "trust/happenings.html", context)


def _reader(request: SignedIn) -> Reader:
    models = [model for _, model in _bound() if any(hasattr(model, column) for column in NAMES)]
    names = {str(row.pk): _name(row) for model in models for row in _newest(model, "-pk", TIMELINE)}
    return Reader(localized(settings.GLASSBED_PACK, language()), request.user.pk, names)


def _newest(model: type[Model], order: str, most: int) -> QuerySet[Model]:
    return model._default_manager.order_by(order)[:most]  # noqa: SLF001 -- Django's documented API


def _bound() -> Iterator[tuple[Bound, type[Model]]]:
    """Every table that `own_data` reads, with its model."""
    models = {model._meta.db_table: model for model in apps.get_models()}  # noqa: SLF001 -- Django's documented API
    readable = set(PURPOSES["own_data"].reads)
    for table, binding in bindings().items():
        if isinstance(binding, Bound) and binding.category in readable and _names_its_person(binding):
            yield binding, models[table]


def _names_its_person(binding: Bound) -> bool:
    """A row that names its person by another row is shown with that other one."""
    return any(person.via is None for person in binding.person)


def _held(reader: Reader) -> Iterator[Held]:
    pack = reader.pack
    category_of = rulebook.category_of(pack)
    tables: dict[str, list[tuple[Bound, type[Model]]]] = {}
    for binding, model in _bound():
        tables.setdefault(category_of[binding.category], []).append((binding, model))
    for key in (key for key in pack.categories if key in tables):
        found = tables[key]
        yield Held(
            key=key,
            category=pack.categories[key],
            total=sum(model._default_manager.count() for _, model in found),  # noqa: SLF001 -- Django's documented API
            rows=[row for binding, model in found for row in _latest(reader, binding, model)],
            activities=[a for a in pack.activities.values() if key in a.categories],
            periods=[_period(pack.retention[rule]) for rule in dict.fromkeys(b.retention for b, _ in found)],
        )


def _period(rule: Retention) -> str:
    return periods.filled(rule.says, rule, language())


def _latest(reader: Reader, binding: Bound, model: type[Model]) -> Iterator[Row]:
    withheld = [str(COLUMNS[column]) for column in binding.confidential]
    for row in _newest(model, "-pk", LATEST):
        fields = [
            (str(COLUMNS[field.attname]), said)
            for field in row._meta.concrete_fields  # noqa: SLF001 -- Django's documented API
            if field.attname not in binding.confidential and (said := _said(reader, row, field))
        ]
        yield Row(_title(row), fields, withheld)


def _title(row: Model) -> str:
    """What a row is, with its name where it has one."""
    table = str(TABLES[row._meta.db_table])  # noqa: SLF001 -- Django's documented API
    name = _name(row)
    return f"{table}: {name}" if name else table


def _name(row: Model) -> str:
    return next((getattr(row, column) for column in NAMES if getattr(row, column, "")), "")


def _said(reader: Reader, row: Model, field: "Field[Any, Any]") -> str | datetime:
    """A value in words; nothing where there is none."""
    value = getattr(row, field.attname)
    if value in (None, "", b"", []):
        return ""
    if field.choices:
        return str(dict(field.flatchoices)[value])
    if isinstance(value, datetime):
        return value
    if isinstance(value, dict):
        return _noted(reader, value)
    return _plain(value) or _in_words(reader, field.attname, str(value))


def _plain(value: object) -> str:
    """What needs nobody's words; else nothing."""
    match value:
        case bool():
            return gettext("Yes") if value else gettext("No")
        case bytes() | memoryview():
            return f"{len(bytes(value)):,} B"
        case float():
            return f"{value:g}"
        case list():
            return ", ".join(map(str, value))
    return ""


def _in_words(reader: Reader, name: str, value: str) -> str:
    """What the policy, or a person, calls what has this name and value; else the value itself."""
    if name == "id":
        return value
    if value == str(reader.person):
        return gettext("you yourself")
    pack = reader.pack
    known: Mapping[str, Mapping[str, object]] = {
        "choice": {key: choice.title for key, choice in pack.choices.items()},
        "activity": {key: activity.title for key, activity in pack.activities.items()},
        "way": {key: way.says for key, way in pack.disclosures.items()},
        "kind": {**COMMANDS, **KINDS},
        "by": dict(Decision.By.choices),
        "open": {"1": gettext("Yes"), "0": gettext("No")},
        "level": {str(number): word for number, word in _levels()},
    }
    return str(known.get(name, reader.names).get(value, value))


def _levels() -> Iterable[tuple[int, str | Promise]]:
    """Of shares, which this feature doesn't know otherwise."""
    return apps.get_model("printers.Share")._meta.get_field("level").flatchoices  # noqa: SLF001 -- Django's documented API


def _happenings(reader: Reader) -> Iterator[Happening]:
    pack = reader.pack
    category_of = rulebook.category_of(pack)
    for binding, model in _bound():
        if binding.moment is None:
            continue
        title = pack.categories[category_of[binding.category]].title
        for row in _newest(model, f"-{binding.moment}", TIMELINE):
            yield Happening(getattr(row, binding.moment), "collected", title, "", _title(row))
    for note in LedgerNote.objects.order_by("-at")[:TIMELINE]:
        said = _noted(reader, note.payload)
        yield Happening(note.at, note.kind, _category_of_note(pack, note.payload), _by(pack, note), said)


def _category_of_note(pack: Pack, payload: dict[str, str]) -> str:
    keys = payload.get("categories", "").split()
    return ", ".join(pack.categories[key].title for key in keys if key in pack.categories)


def _by(pack: Pack, note: LedgerNote) -> str:
    to = note.payload.get("to", "")
    return pack.parties[to].name if to in pack.parties else ""


def _noted(reader: Reader, payload: dict[str, str]) -> str:
    """A note's ids in words, without what the page shows by itself."""
    said = ((word, _in_words(reader, name, payload[name])) for name, word in NOTED.items() if name in payload)
    return ", ".join(f"{word}: {value}" for word, value in said)
