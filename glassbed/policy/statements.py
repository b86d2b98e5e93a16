"""What a notice is made of: sections of statements, each with a stable id, text and facts; and who it speaks to."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from glassbed.policy import periods, terms
from glassbed.policy.vocabulary import Entry, Language, Pack

Place = tuple[str, ...]

TRACKING = ("utm_", "fbclid", "gclid", "dclid", "msclkid", "mc_", "igshid", "spm", "_hs")
"""How parameters begin that tell another site who follows a link."""

SHORT = 40
"""Letters of an answer that can stand beside others."""


class Value(NamedTuple):
    """One answer. `to` is the id of a statement, `href` an address, `file` a party whose safeguards can be had."""

    text: str
    note: str = ""
    to: str = ""
    href: str = ""
    file: str = ""
    is_code: bool = False


class Fact(NamedTuple):
    """A labelled list of answers."""

    label: str
    values: tuple[Value, ...]

    @property
    def is_short(self) -> bool:
        """Whether the answers fit into one line, one after the other."""
        return all(len(value.text) <= SHORT and not value.note for value in self.values)


class Statement(NamedTuple):
    """What the pack says in one entry. `place` is the entry's in the pack, `source` where its document has it."""

    id: str
    title: str
    text: str
    facts: tuple[Fact, ...] = ()
    place: Place = ()
    source: str = ""

    @property
    def key(self) -> str:
        return self.place[-1] if self.place else self.id


class Section(NamedTuple):
    """A chapter; `lead` is the frame's sentence before its statements."""

    id: str
    title: str
    lead: str
    statements: tuple[Statement, ...]


class Reader(NamedTuple):
    """To whom the notice speaks: the pack in their language, and how the frame's words are said in it.

    `language` is the pack's words', `frame` the frame's: a pack may not have the reader's language. `kept`: kind of
    data → the retention rules of its tables. `site`: the name of the host.
    """

    pack: Pack
    language: Language = "en"
    frame: Language = "en"
    say: Callable[[str], str] = str
    kept: Mapping[str, frozenset[str]] = {}
    site: str = "localhost"

    def told(self, text: str, **places: object) -> str:
        return self.say(text).format(**places)

    def days(self, days: int) -> str:
        return periods.period_words(days, self.frame)

    def months(self, months: int) -> str:
        return periods.months_words(months, self.frame)

    def country(self, code: str) -> str:
        return self.say(terms.PLACE.get(code) or terms.COUNTRY.get(code) or code)

    def source(self, place: Place, entry: Entry) -> str:
        """Where the pack's document has an entry; or that house speaks, because the document is silent."""
        if place[-1] in self.pack.silent.get(place[0], ()):
            return self.say(terms.SILENT)
        section = getattr(entry, "section", None)
        return self.told(terms.STATED, section=section) if section else ""

    def statement(
        self, place: Place, entry: Entry, text: str, facts: Iterable[Fact | None], title: str = ""
    ) -> Statement:
        """Make the statement of an entry: its title, its text with the period in place, what else is known."""
        return Statement(
            id=identifier(*place),
            title=title or getattr(entry, "title", place[-1]),
            text=periods.filled(text, entry, self.language),
            facts=tuple(fact for fact in facts if fact),
            place=place,
            source=self.source(place, entry),
        )


_ONE = {
    "parties": "party",
    "categories": "category",
    "activities": "activity",
    "choices": "choice",
    "disclosures": "disclosure",
    "rights": "right",
    "features": "feature",
    "measures": "measure",
    "regions": "region",
}


def identifier(*place: str) -> str:
    """Return the id of an entry's statement, which stays as long as its key in the pack."""
    section, *keys = place
    return "-".join([_ONE.get(section, section), *keys]).replace(".", "-").replace("_", "-")


def fact(label: str, values: Iterable[Value | str]) -> Fact | None:
    found = tuple(Value(value) if isinstance(value, str) else value for value in values)
    return Fact(label, found) if found else None


def contact(text: str) -> Value:
    """Make a mail address or an address of the web a link; the latter loses what would track who follows it."""
    if "@" in text and " " not in text:
        return Value(text, href=f"mailto:{text}")
    if text.startswith("https://") and " " not in text:
        return Value(text, href=untracked(text))
    return Value(text)


def untracked(url: str) -> str:
    parts = urlsplit(url)
    kept = [(key, value) for key, value in parse_qsl(parts.query) if not key.lower().startswith(TRACKING)]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def plain(statement: Statement) -> Iterator[str]:
    """Say a statement in lines of plain text."""
    yield statement.title
    yield ""
    yield statement.text
    for label, values in statement.facts:
        yield ""
        yield f"{label}:"
        for value in values:
            yield f"  {value.text}" + (f" ({value.note})" if value.note else "")
    if statement.source:
        yield ""
        yield statement.source
