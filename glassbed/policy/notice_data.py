"""The notice on data: what is kept, for how long, what for, on which ground, and what can be chosen."""

from collections.abc import Iterator

from glassbed.policy import rulebook, terms
from glassbed.policy.program import KINDS
from glassbed.policy.statements import Fact, Reader, Section, Statement, Value, fact, identifier
from glassbed.policy.terms import gettext_noop as _
from glassbed.policy.vocabulary import Activity, Ground, Pack


def kinds_of(pack: Pack, category: str) -> tuple[str, ...]:
    """The program's own kinds of data that stand in a category."""
    covers = pack.categories[category].covers
    return tuple(kind for kind in ((category,) if covers is None else covers) if kind in KINDS)


def retention_of(reader: Reader, category: str) -> list[str]:
    """The retention rules of the tables that stand in a category, in the pack's order."""
    found = frozenset().union(*(reader.kept.get(kind, ()) for kind in kinds_of(reader.pack, category)))
    return [key for key in reader.pack.retention if key in found]


# -- what is kept ------------------------------------------------------------------------------------------


def categories(reader: Reader) -> Section:
    return Section(
        "data",
        reader.say(_("What is kept")),
        reader.say(_("Each piece of data stands in exactly one category.")),
        tuple(_category(reader, key) for key in reader.pack.categories),
    )


def _category(reader: Reader, key: str) -> Statement:
    entry, say = reader.pack.categories[key], reader.say
    special = [say(terms.SPECIAL[entry.special])] if entry.special else []
    used = [k for k, activity in reader.pack.activities.items() if key in activity.categories]
    place = ("categories", key)
    facts = [
        fact(say(_("Special protection")), special),
        fact(say(_("Kept for")), _periods(reader, key)),
        fact(say(_("Used for")), activity_links(reader, used)),
    ]
    return reader.statement(place, entry, entry.holds, facts)


def _periods(reader: Reader, category: str) -> list[Value]:
    if not kinds_of(reader.pack, category):
        return [Value(reader.say(_("Nothing of it is kept here: this program has no place for it.")))]
    return [retention_link(reader, key) for key in retention_of(reader, category)]


def retention_link(reader: Reader, key: str) -> Value:
    rule = reader.pack.retention[key]
    words = reader.days(rule.days) if rule.days else ""
    return Value(rule.title, words, to=identifier("retention", key))


def activity_links(reader: Reader, keys: list[str]) -> list[Value]:
    return [Value(reader.pack.activities[key].title, to=identifier("activities", key)) for key in keys]


def category_links(reader: Reader, keys: tuple[str, ...]) -> list[Value]:
    return [Value(reader.pack.categories[key].title, to=identifier("categories", key)) for key in keys]


# -- how long ----------------------------------------------------------------------------------------------


def retention(reader: Reader) -> Section:
    return Section(
        "retention",
        reader.say(_("How long it is kept")),
        reader.say(_("Each table of the database has one of these rules.")),
        tuple(_retention(reader, key) for key in reader.pack.retention),
    )


def _retention(reader: Reader, key: str) -> Statement:
    entry, say = reader.pack.retention[key], reader.say
    held = tuple(name for name in reader.pack.categories if key in retention_of(reader, name))
    facts = [
        fact(say(_("Law")), [entry.law] if entry.law else []),
        fact(say(_("Holds for")), category_links(reader, held)),
    ]
    return reader.statement(("retention", key), entry, entry.says, facts)


# -- what for ----------------------------------------------------------------------------------------------


def activities(reader: Reader) -> Section:
    return Section(
        "activities",
        reader.say(_("What it is used for")),
        reader.say(
            _("An activity may touch the categories that stand here with it. The database refuses others.")
        ),
        tuple(activity(reader, key) for key in reader.pack.activities),
    )


def activity(reader: Reader, key: str) -> Statement:
    entry, say = reader.pack.activities[key], reader.say
    facts = [
        fact(say(_("Categories")), _uses(reader, entry)),
        fact(say(_("Whose data")), [say(terms.SUBJECTS[subject]) for subject in entry.subjects]),
        *_grounds(reader, entry),
        fact(say(_("Goes to")), recipients(reader, entry)),
        fact(say(_("If you refuse")), _refused(reader, key)),
        fact(say(_("Automation")), _automation(reader, entry)),
        fact(say(_("Protected by")), _measures(reader, entry)),
    ]
    return reader.statement(("activities", key), entry, entry.says, facts)


def _uses(reader: Reader, entry: Activity) -> list[Value]:
    return [
        Value(
            reader.pack.categories[name].title,
            ", ".join(
                reader.say(word)
                for word in (terms.NECESSITY[use.necessity], *(terms.ORIGIN[o] for o in use.origin))
            ),
            to=identifier("categories", name),
        )
        for name, use in entry.categories.items()
    ]


def _grounds(reader: Reader, entry: Activity) -> Iterator[Fact | None]:
    say = reader.say
    yield fact(say(_("Legal basis")), [_ground(reader, ground) for ground in entry.grounds])
    yield fact(say(_("Law")), [ground.law for ground in entry.grounds if ground.law])
    yield fact(say(_("Balancing test")), [ground.balancing for ground in entry.grounds if ground.balancing])


def _ground(reader: Reader, ground: Ground) -> Value:
    name, explained = (reader.say(text) for text in terms.BASIS[ground.basis])
    parts = [explained]
    if ground.categories:
        titles = ", ".join(reader.pack.categories[key].title for key in ground.categories)
        parts.append(reader.told(_("For: {categories}."), categories=titles))
    if ground.when:
        parts.append(ground.when)
    return Value(name, " ".join(parts))


def recipients(reader: Reader, entry: Activity) -> list[Value]:
    if not entry.recipients:
        return [Value(reader.say(_("Nobody outside of this site.")))]
    parties = reader.pack.parties
    return [
        Value(parties[key].name, reader.say(terms.ROLE[parties[key].role]), to=identifier("parties", key))
        for key in entry.recipients
    ]


def _refused(reader: Reader, key: str) -> list[Value]:
    choices = reader.pack.choices.items()
    found = [
        Value(choice.without, choice.title, to=identifier("choices", name))
        for name, choice in choices
        if choice.activity == key
    ]
    if found or rulebook.asks(reader.pack.activities[key]):
        return found
    if {ground.basis for ground in reader.pack.activities[key].grounds} == {"contract"}:
        return [
            Value(
                reader.say(_("What is optional can be left out. Without what is needed, this does not work."))
            )
        ]
    return []


def _automation(reader: Reader, entry: Activity) -> list[Value]:
    return [
        Value(reader.say(terms.AUTOMATION[entry.automation])),
        *([Value(entry.logic)] if entry.logic else []),
    ]


def _measures(reader: Reader, entry: Activity) -> list[Value]:
    return [Value(reader.pack.measures[key]) for key in entry.measures]


# -- what can be chosen ------------------------------------------------------------------------------------


def choices(reader: Reader) -> Section:
    return Section(
        "choices",
        reader.say(_("Your choices")),
        reader.say(
            _("A consent is off until you give it. What rests on an interest is on until you object.")
        ),
        tuple(_choice(reader, key) for key in reader.pack.choices),
    )


def _choice(reader: Reader, key: str) -> Statement:
    entry, say = reader.pack.choices[key], reader.say
    asked = rulebook.asks(reader.pack.activities[entry.activity])
    start = _("Off until you say yes.") if asked == "consent" else _("On until you say no.")
    facts = [
        fact(say(_("At the start")), [say(start)]),
        fact(say(_("If you say no")), [entry.without]),
        fact(say(_("Asked again after")), [reader.days(entry.valid_days)] if entry.valid_days else []),
        fact(say(_("Counts as no")), [say(terms.SIGNAL[signal]) for signal in entry.signals]),
        fact(say(_("Concerns")), activity_links(reader, [entry.activity])),
    ]
    return reader.statement(("choices", key), entry, entry.asks, facts)
