"""What a person may see of printers. The database shows nothing else; no filter here is a wall."""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import QuerySet

from glassbed.features.accounts.models import Profile
from glassbed.features.printers.models import Bridge, Command, Connection, Pairing, Printer, Share
from glassbed.policy.binding import Level
from glassbed.protocol import messages
from glassbed.protocol.errors import NotFound

RECENT = 20


def printers() -> QuerySet[Printer]:
    """Every printer that the person may at least watch, by name. Purpose: printing."""
    return Printer.objects.all()


def printer(printer_id: UUID) -> Printer:
    """One of them. Raises `NotFound`."""
    found = Printer.objects.filter(pk=printer_id).first()
    if found is None:
        raise NotFound
    return found


def level(of: Printer, person: UUID) -> Level:
    """What the person may do with a printer that they may see."""
    if of.owner_id == person:
        return Level.OWNER
    share = Share.objects.filter(printer=of, person_id=person).first()
    return Level(share.level) if share else Level.VIEWER


def levels(person: UUID, of: Iterable[Printer]) -> dict[UUID, Level]:
    """The same for many printers, in one query."""
    shared = {s.printer_id: Level(s.level) for s in Share.objects.filter(person_id=person)}
    return {p.pk: Level.OWNER if p.owner_id == person else shared.get(p.pk, Level.VIEWER) for p in of}


def bridges() -> QuerySet[Bridge]:
    """The person's bridges that still may connect. Purpose: printing."""
    return Bridge.objects.filter(revoked_at=None).order_by("name", "id")


def bridge(bridge_id: UUID) -> Bridge:
    found = bridges().filter(pk=bridge_id).first()
    if found is None:
        raise NotFound
    return found


def waiting_local_bridges() -> QuerySet[Pairing]:
    """The bridge of the server's own machine, while it is nobody's. Purpose: pairing."""
    return Pairing.objects.filter(is_local=True, bridge=None, refused_at=None).order_by("-expires_at")


def connections(of: Printer) -> QuerySet[Connection]:
    return Connection.objects.filter(printer=of).order_by("-since")[:RECENT]


def commands(of: Printer) -> QuerySet[Command]:
    """What was commanded lately, by whom, and how it ended. The owner sees everybody's. Purpose: printing."""
    return Command.objects.filter(printer=of).order_by("-issued_at")[:RECENT]


def names(of: Iterable[UUID]) -> dict[UUID, str]:
    """Person → the name that they show, as far as the policy lets this person see it. Purpose: printing."""
    rows = Profile.objects.filter(person__in=set(of)).exclude(display_name="")
    return dict(rows.values_list("person", "display_name"))


def as_message(of: Printer) -> messages.Printer:
    """The printer as its bridge has to know it."""
    return messages.Printer(
        id=str(of.pk),
        driver=of.driver,
        address=of.address,
        keep_history=of.keep_history,
        keep_trace=of.keep_history and of.keep_trace,
    )


def served_by(bridge_id: UUID) -> tuple[messages.Printer, ...]:
    """All printers of a bridge. Purpose: pairing, or the owner's printing."""
    return tuple(map(as_message, Printer.objects.filter(bridge_id=bridge_id).order_by("id")))


def served_payload(bridge_id: UUID) -> bytes:
    return msgspec.json.encode(served_by(bridge_id))


def tickets_secret() -> bytes:
    return settings.GLASSBED.secret("tickets")
