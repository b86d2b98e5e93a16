"""The notice on others: who answers, who gets what by which means, where that is, and on what a transfer rests."""

from glassbed.policy import terms
from glassbed.policy.notice_data import activity_links, category_links
from glassbed.policy.statements import Fact, Reader, Section, Statement, Value, contact, fact, identifier
from glassbed.policy.terms import gettext_noop as _
from glassbed.policy.vocabulary import Disclosure, Pack, Party

ANSWERING = ("controller", "representative", "officer", "authority")
"""Roles that answer for data or oversee it, in the order in which people look for them."""


def who(reader: Reader) -> Section:
    parties = reader.pack.parties
    ordered = [key for role in ANSWERING for key, party in parties.items() if party.role == role]
    return Section(
        "who",
        reader.say(_("Who answers for it")),
        reader.say(_("Turn to them with any question. The authority hears you without asking us first.")),
        tuple(_party(reader, key) for key in ordered),
    )


def receiving(pack: Pack) -> list[str]:
    """The parties that get data, in the pack's order."""
    named = {party for activity in pack.activities.values() for party in activity.recipients}
    named |= {disclosure.to for disclosure in pack.disclosures.values()}
    return [key for key, party in pack.parties.items() if key in named or party.role not in ANSWERING]


def recipients(reader: Reader) -> Section:
    answering = [key for key in receiving(reader.pack) if reader.pack.parties[key].role not in ANSWERING]
    return Section(
        "recipients",
        reader.say(_("Who gets data")),
        reader.say(
            _("Nobody else gets any. What stands under “gets” is all that may leave for each of them.")
        ),
        tuple(_party(reader, key) for key in answering),
    )


def _party(reader: Reader, key: str) -> Statement:
    entry, say = reader.pack.parties[key], reader.say
    named = [k for k, activity in reader.pack.activities.items() if key in activity.recipients]
    facts = [
        fact(say(_("Role")), [say(terms.ROLE[entry.role])]),
        fact(say(_("Country")), [reader.country(entry.country)]),
        fact(say(_("Contact")), [contact(entry.contact)] if entry.contact else []),
        fact(say(_("Address")), [entry.address] if entry.address else []),
        fact(say(_("Gets")), _gets(reader, key)) if entry.role not in ANSWERING else None,
        fact(say(_("Used for")), activity_links(reader, named)),
        *_mechanism(reader, key, entry),
    ]
    return reader.statement(("parties", key), entry, entry.does, facts, title=entry.name)


def _gets(reader: Reader, key: str) -> list[Value]:
    ways = [(name, way) for name, way in reader.pack.disclosures.items() if way.to == key]
    found = [
        Value(
            way.says,
            f"{', '.join(way.fields)}; {reader.say(terms.MEANS[way.means])}",
            identifier("disclosures", name),
        )
        for name, way in ways
    ]
    return found or [Value(reader.say(_("Nothing yet: no way out to it is open.")))]


def disclosures(reader: Reader) -> Section:
    return Section(
        "disclosures",
        reader.say(_("What exactly leaves")),
        reader.say(_("These are all the ways out. A field that is not listed stays.")),
        tuple(_disclosure(reader, key) for key in reader.pack.disclosures),
    )


def _disclosure(reader: Reader, key: str) -> Statement:
    entry, say = reader.pack.disclosures[key], reader.say
    facts = [
        fact(say(_("To")), [Value(reader.pack.parties[entry.to].name, to=identifier("parties", entry.to))]),
        fact(say(_("Fields")), [Value(field, is_code=True) for field in entry.fields]),
        fact(say(_("Categories")), category_links(reader, entry.categories)),
        fact(say(_("Means")), [say(terms.MEANS[entry.means])]),
        fact(say(_("Used for")), activity_links(reader, [entry.activity])),
    ]
    return reader.statement(("disclosures", key), entry, entry.says, facts, title=_title(reader, entry))


def _title(reader: Reader, entry: Disclosure) -> str:
    return f"{reader.pack.activities[entry.activity].title} → {reader.pack.parties[entry.to].name}"


# -- where -------------------------------------------------------------------------------------------------


def abroad(pack: Pack) -> list[str]:
    """The parties that get data in another place than where the instance runs."""
    return [key for key in receiving(pack) if pack.parties[key].country != "instance"]


def transfers(reader: Reader) -> Section:
    lead = (
        _("Who gets data elsewhere, and on what that rests. Where it is a document, you can have a copy.")
        if abroad(reader.pack)
        else _("No data leaves the place where this site runs.")
    )
    return Section(
        "transfers",
        reader.say(_("Other countries")),
        reader.say(lead),
        tuple(_transfer(reader, key) for key in abroad(reader.pack)),
    )


def _transfer(reader: Reader, key: str) -> Statement:
    entry = reader.pack.parties[key]
    facts = [
        fact(reader.say(_("Country")), [reader.country(entry.country)]),
        *_mechanism(reader, key, entry),
        fact(reader.say(_("More")), [Value(entry.name, to=identifier("parties", key))]),
    ]
    made = reader.statement(("parties", key), entry, entry.does, facts, title=entry.name)
    return made._replace(id=identifier("transfer", key))


def _mechanism(reader: Reader, key: str, entry: Party) -> list[Fact | None]:
    rests = [reader.say(terms.MECHANISM[entry.mechanism])] if entry.mechanism else []
    file = [Value(entry.safeguards, file=key)] if entry.safeguards else []
    return [fact(reader.say(_("Rests on")), rests), fact(reader.say(_("Copy of the safeguards")), file)]


def places(reader: Reader) -> Section:
    """Where data is held, cookies included (the notice can't know the country of a machine that somebody bought)."""
    say = reader.say
    here = Statement(
        "place-site",
        say(_("This site")),
        reader.told(
            _("The database and the files of {site} stand on the machine that its operator runs."),
            site=reader.site,
        ),
    )
    browser = Statement(
        "place-browser",
        say(_("Your browser")),
        reader.told(
            _("What is listed under cookies and storage. A cookie goes back to {site} alone."),
            site=reader.site,
        ),
    )
    others = [
        Value(reader.pack.parties[key].name, _country(reader, key), to=identifier("parties", key))
        for key in abroad(reader.pack)
    ]
    found = fact(say(_("Who")), others)
    elsewhere = Statement(
        "place-others",
        say(_("With others")),
        say(_("What leaves for them is held by them.")),
        (found,) if found else (),
    )
    return Section(
        "places",
        say(_("Where it is held")),
        say(_("In these places and in no other.")),
        (here, browser, *([elsewhere] if others else [])),
    )


def _country(reader: Reader, key: str) -> str:
    return reader.country(reader.pack.parties[key].country)
