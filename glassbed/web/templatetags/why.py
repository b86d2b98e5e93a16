"""What stands beside data and statements: at a form, why it is asked for; in the notice, what keeps a statement."""

from collections.abc import Mapping
from typing import NamedTuple

from django import template
from django.utils import timezone

from glassbed.features.trust import hub, verification
from glassbed.features.trust.models import Verification
from glassbed.features.trust.verification import KEEPS
from glassbed.policy import periods, rulebook, terms
from glassbed.policy.notice_data import retention_of
from glassbed.policy.statements import Reader, Statement, identifier

register = template.Library()


class Reason(NamedTuple):
    """One category: what it holds, what it is used for, on which bases, and its periods."""

    title: str
    holds: str
    uses: list[tuple[str, str]]  # activity, basis
    periods: list[str]
    anchor: str


@register.inclusion_tag("trust/why.html")
def why(*kinds: str) -> dict[str, object]:
    """Show the notice of kinds of data (purposes.yaml). Raises KeyError for one that the program does not have."""
    reader = hub.reader()
    category_of = rulebook.category_of(reader.pack)
    keys = dict.fromkeys(category_of[kind] for kind in kinds)
    return {"reasons": [_reason(reader, key) for key in keys]}


def _reason(reader: Reader, key: str) -> Reason:
    category = reader.pack.categories[key]
    uses = [
        (activity.title, ", ".join(_bases(reader, name, key)))
        for name, activity in reader.pack.activities.items()
        if key in activity.categories
    ]
    rules = [reader.pack.retention[rule] for rule in retention_of(reader, key)]
    said = [periods.filled(rule.says, rule, reader.language) for rule in rules]
    return Reason(category.title, category.holds, uses, said, identifier("categories", key))


def _bases(reader: Reader, activity: str, category: str) -> list[str]:
    grounds = rulebook.grounds_of(reader.pack.activities[activity], category)
    return list(dict.fromkeys(reader.say(terms.BASIS[ground.basis][0]) for ground in grounds))


@register.inclusion_tag("trust/kept_by.html")
def kept_by(statement: Statement, verifications: Mapping[str, Verification]) -> dict[str, object]:
    """Name the controls that keep a statement, each with how it stands; else who keeps it."""
    names = KEEPS.get(statement.place[0] if statement.place else "", ())
    rows = [(name, verifications.get(name)) for name in names]
    return {"controls": [(name, row, row and standing(row)) for name, row in rows]}


@register.simple_tag
def standing(row: Verification) -> verification.Standing:
    """How a control stands now."""
    return verification.standing(row, timezone.now())
