"""The record of processing activities (Art. 30(1) GDPR), a row an activity, made from the pack and the bindings."""

from typing import Any, NamedTuple

from glassbed.policy import terms
from glassbed.policy.notice_data import retention_of
from glassbed.policy.statements import Reader
from glassbed.policy.terms import gettext_noop as _
from glassbed.policy.vocabulary import Activity, Party, Role

Cell = tuple[str, ...]
"""The answers of one cell, each on a line of its own."""

COLUMNS = {
    "activity": _("Activity"),
    "purpose": _("Purpose"),
    "legal_basis": _("Legal basis"),
    "subjects": _("Data subjects"),
    "categories": _("Categories of data"),
    "special": _("Special categories"),
    "recipients": _("Recipients"),
    "transfers": _("Transfers and safeguards"),
    "erasure": _("Time limits for erasure"),
    "measures": _("Technical and organisational measures"),
    "automation": _("Automated decisions"),
    "source": _("Source"),
}
"""What Art. 30(1)(b) to (g) asks for, and the legal basis, which an authority asks for next."""


class Record(NamedTuple):
    """`head`: who answers (Art. 30(1)(a)) and which version; `rows`: key of the activity → cells, as COLUMNS."""

    head: dict[str, Cell]
    columns: dict[str, str]
    rows: dict[str, dict[str, Cell]]


def record(reader: Reader, digest: str) -> Record:
    """Make the record for a reader. `digest`: of the pack before it was put in their language."""
    return Record(
        head=_head(reader, digest),
        columns={key: reader.say(title) for key, title in COLUMNS.items()},
        rows={key: _row(reader, entry) for key, entry in reader.pack.activities.items()},
    )


def _head(reader: Reader, digest: str) -> dict[str, Cell]:
    pack, say = reader.pack, reader.say
    answering: tuple[tuple[Role, str], ...] = (
        ("controller", _("Controller")),
        ("representative", _("Representative")),
        ("officer", _("Data protection officer")),
    )
    named = {
        say(label): tuple(_reached(reader, party) for party in pack.parties.values() if party.role == role)
        for role, label in answering
    }
    return {
        **{label: cell or (say(_("None is named.")),) for label, cell in named.items()},
        say(_("Policy")): (f"{pack.title}, {pack.version}",),
        say(_("In force since")): (pack.effective.new_people,),
        say(_("Digest")): (digest,),
    }


def _reached(reader: Reader, party: Party) -> str:
    return ", ".join(filter(None, (party.name, party.address, reader.country(party.country), party.contact)))


def _row(reader: Reader, entry: Activity) -> dict[str, Cell]:
    pack, say = reader.pack, reader.say
    parties = [pack.parties[key] for key in entry.recipients]
    named = [pack.categories[key] for key in entry.categories]
    return {
        "activity": (entry.title,),
        "purpose": (entry.says, entry.dpv),
        "legal_basis": tuple(_basis(reader, ground.basis, ground.law) for ground in entry.grounds),
        "subjects": tuple(say(terms.SUBJECTS[subject]) for subject in entry.subjects),
        "categories": tuple(category.title for category in named),
        "special": tuple(f"{c.title}: {say(terms.SPECIAL[c.special])}" for c in named if c.special),
        "recipients": tuple(f"{party.name} ({say(terms.ROLE[party.role])})" for party in parties),
        "transfers": tuple(_transfer(reader, party) for party in parties if party.country != "instance"),
        "erasure": tuple(_limit(reader, key) for key in entry.categories),
        "measures": tuple(pack.measures[key] for key in entry.measures),
        "automation": tuple(filter(None, (say(terms.AUTOMATION[entry.automation]), entry.logic))),
        "source": (entry.section,) if entry.section else (),
    }


def _basis(reader: Reader, basis: str, law: str | None) -> str:
    name = reader.say(terms.BASIS[basis][0])
    return f"{name}: {law}" if law else name


def _transfer(reader: Reader, party: Party) -> str:
    rests = reader.say(terms.MECHANISM[party.mechanism]) if party.mechanism else ""
    file = f"({party.safeguards})" if party.safeguards else ""
    return " ".join(filter(None, (f"{party.name}, {reader.country(party.country)}:", rests, file)))


def _limit(reader: Reader, category: str) -> str:
    rules = [reader.pack.retention[key] for key in retention_of(reader, category)]
    said = [f"{rule.title} ({reader.days(rule.days)})" if rule.days else rule.title for rule in rules]
    title = reader.pack.categories[category].title
    return f"{title}: {', '.join(said) or reader.say(_('nothing is kept here'))}"


def table(made: Record) -> list[list[str]]:
    """Return the record as lines of a sheet: its head, an empty line, titles, a line an activity."""
    head = [[label, "\n".join(cell)] for label, cell in made.head.items()]
    rows = [["\n".join(cells[key]) for key in made.columns] for cells in made.rows.values()]
    return [*head, [], list(made.columns.values()), *rows]


def tree(made: Record) -> dict[str, Any]:
    """Return the record as JSON's types."""
    return {
        "head": {label: list(cell) for label, cell in made.head.items()},
        "columns": made.columns,
        "activities": {
            key: {name: list(cell) for name, cell in row.items()} for key, row in made.rows.items()
        },
    }
