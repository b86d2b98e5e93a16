"""What must hold of who gets data: parties, what leaves for them, and on what a transfer rests."""

from collections.abc import Iterator
from pathlib import Path

from glassbed.policy.program import WAYS
from glassbed.policy.vocabulary import Disclosure, Pack, Party

Found = Iterator[tuple[tuple[str, ...], str]]

AT_HOME = frozenset({"instance", "chosen"})
"""Where no transfer takes place: the instance's own country, or the one that the person or the operator chose."""

RECEIVING = frozenset({"affiliate", "processor", "partner", "recipient", "person"})
"""Roles that exist only to get data. The others answer for it, or oversee."""

PROMISED = frozenset({"standard_clauses", "binding_rules"})
"""Mechanisms that are a document, of which anybody may have a copy (Art. 13(1)(f) GDPR)."""


def faults(pack: Pack, folder: Path | None) -> Found:
    yield from _answering(pack)
    receiving = {party for activity in pack.activities.values() for party in activity.recipients}
    receiving |= {disclosure.to for disclosure in pack.disclosures.values()}
    for key, party in pack.parties.items():
        where = ("parties", key)
        if key in receiving:
            yield from _transfer(where, party)
        elif party.role in RECEIVING:
            yield where, f"{key!r} gets nothing: list it as a recipient of an activity, or drop it"
        yield from _safeguards(where, party, folder)
    for way, fields in WAYS.items():
        stated = pack.disclosures.get(way)
        if stated is None:
            yield (
                ("disclosures",),
                f"the program sends {', '.join(fields)} by {way!r}: declare it, with its recipient, or house's by 'silent'",
            )
        elif set(stated.fields) != set(fields):
            yield (
                ("disclosures", way, "fields"),
                f"the program sends {', '.join(fields)} by {way!r}: list exactly these",
            )
    for key, disclosure in pack.disclosures.items():
        yield from _disclosure(pack, ("disclosures", key), disclosure)


def _answering(pack: Pack) -> Found:
    roles = {party.role for party in pack.parties.values()}
    if "controller" not in roles:
        yield ("parties",), "nobody answers for the data: name the party with role 'controller'"
    if "authority" not in roles:
        yield ("parties",), "no authority for complaints and breaches: name the party with role 'authority'"
    for key, party in pack.parties.items():
        if party.role == "controller" and not party.contact:
            yield ("parties", key), f"controller {key!r} can't be reached: add its 'contact'"


def _transfer(where: tuple[str, ...], party: Party) -> Found:
    if party.country not in AT_HOME and not party.mechanism:
        yield where, f"data goes to {party.country}: say under 'mechanism' what that transfer rests on"


def _safeguards(where: tuple[str, ...], party: Party, folder: Path | None) -> Found:
    if party.safeguards is None:
        if party.mechanism in PROMISED:
            yield where, f"{party.mechanism} is a document: name its file beside the pack under 'safeguards'"
    elif Path(party.safeguards).name != party.safeguards:
        yield (
            (*where, "safeguards"),
            f"{party.safeguards!r} is no name of a file beside the pack: leave folders out",
        )
    elif folder is not None and not (folder / party.safeguards).is_file():
        yield (*where, "safeguards"), f"there is no file {party.safeguards!r} beside the pack: add it"


def _disclosure(pack: Pack, where: tuple[str, ...], disclosure: Disclosure) -> Found:
    if disclosure.to not in pack.parties:
        yield (*where, "to"), f"{disclosure.to!r} is no party of this pack"
    activity = pack.activities.get(disclosure.activity)
    if activity is None:
        yield (*where, "activity"), f"{disclosure.activity!r} is no activity of this pack"
        return
    if disclosure.to not in activity.recipients:
        yield (*where, "to"), f"{disclosure.to!r} is no recipient of {disclosure.activity!r}: list it there"
    for category in sorted(set(disclosure.categories) - activity.categories.keys()):
        yield (
            (*where, "categories"),
            f"{category!r} is not in activity {disclosure.activity!r}: list it there, or drop it",
        )
    if not disclosure.fields:
        yield (*where, "fields"), "a way out without a field lets nothing leave: name the fields, or drop it"
