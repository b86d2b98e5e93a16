"""The notice, made from a pack: sections of statements, each with an id that a link can name. Never written by hand."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from glassbed.policy import notice_data, notice_parties, notice_people, pack
from glassbed.policy.binding import Binding, Bound
from glassbed.policy.statements import Reader, Section, Statement


class Notice(NamedTuple):
    """The whole of it, in the order in which it is read."""

    sections: tuple[Section, ...]

    def section(self, name: str) -> Section:
        return next(section for section in self.sections if section.id == name)

    def statement(self, *place: str) -> Statement | None:
        """The statement of an entry of the pack, if the pack has it."""
        return next((one for one in self.statements() if one.place == place), None)

    def statements(self) -> Iterator[Statement]:
        for section in self.sections:
            yield from section.statements


def kept(bindings: Mapping[str, Binding]) -> dict[str, frozenset[str]]:
    """Kind of data → the retention rules of the tables that are bound to it."""
    found: dict[str, frozenset[str]] = {}
    for bound in bindings.values():
        if isinstance(bound, Bound):
            found[bound.category] = found.get(bound.category, frozenset()) | {bound.retention}
    return found


def notice(reader: Reader, digest: str | None = None) -> Notice:
    """Make the notice for a reader. `digest`: of the pack before it was put in their language."""
    return Notice(
        (
            notice_people.short(reader),
            notice_parties.who(reader),
            notice_data.categories(reader),
            notice_data.activities(reader),
            notice_data.retention(reader),
            notice_parties.recipients(reader),
            notice_parties.disclosures(reader),
            notice_parties.transfers(reader),
            notice_parties.places(reader),
            notice_data.choices(reader),
            notice_people.rights(reader),
            notice_people.ages(reader),
            notice_people.storage(reader),
            notice_people.signals(reader),
            notice_people.public(reader),
            notice_people.measures(reader),
            notice_people.staff(reader),
            notice_people.incidents(reader),
            notice_people.log(reader),
            notice_people.features(reader),
            notice_people.regions(reader),
            notice_people.key_terms(reader),
            notice_people.version(reader, digest or pack.digest(reader.pack)),
        )
    )
