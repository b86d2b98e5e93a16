"""Queueing, starting and clearing away prints. Purpose: printing, unless a function says otherwise."""

from uuid import UUID

from django.db.models import Max
from django.utils.translation import gettext as _

from glassbed.features.jobs import queries, rules
from glassbed.features.jobs.events import PrintLeaves
from glassbed.features.jobs.models import Print
from glassbed.features.library.models import File
from glassbed.features.printers import actions as printer_actions
from glassbed.features.printers import queries as printer_queries
from glassbed.features.printers import rules as printer_rules
from glassbed.features.printers.models import Printer
from glassbed.foundation.events import tell
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol import messages
from glassbed.protocol.errors import Conflict, GlassbedError, NotFound

PRINTS = "print"
"""What open pages are told has changed."""


def add_to_queue(printer: Printer, file: File, person: UUID) -> Print:
    """Put a file at the end of a printer's queue."""
    printer_rules.require(printer_queries.level(printer, person), Level.OPERATOR)
    last = queries.queue(printer).aggregate(last=Max("position"))["last"]
    added = Print.objects.create(
        printer=printer, person_id=person, file=file, file_name=file.name, position=(last or 0) + 1
    )
    printer_actions.tell_change(printer.pk, PRINTS)
    return added


def move_in_queue(waiting: Print, person: UUID, *, before: Print | None) -> None:
    """Move a waiting print before another one, or to the end."""
    printer = _printer_of(waiting)
    rules.require_own(waiting.person_id, person, printer_queries.level(printer, person))
    rules.require_next(waiting.state, Print.State.SENDING)
    others = [p for p in queries.queue(printer) if p.pk != waiting.pk]
    place = next((i for i, p in enumerate(others) if before is not None and p.pk == before.pk), len(others))
    others.insert(place, waiting)
    for position, item in enumerate(others, start=1):
        item.position = position
    Print.objects.bulk_update(others, ["position"])
    printer_actions.tell_change(waiting.printer_id, PRINTS)


def _printer_of(item: Print) -> Printer:
    """Return a print's printer. Raises `NotFound` where a share has ended and hides it."""
    printer: Printer | None = item.printer
    if printer is None:
        raise NotFound
    return printer


def take_from_queue(waiting: Print, person: UUID) -> None:
    rules.require_own(waiting.person_id, person, _level(waiting, person))
    rules.require_next(waiting.state, Print.State.CANCELLED)
    printer_id = waiting.printer_id
    waiting.delete()
    printer_actions.tell_change(printer_id, PRINTS)


def start(print_id: UUID, person: UUID) -> None:
    """Lease the start of a waiting print to its printer's bridge. Outside of any purpose.

    On refusal the print waits again; raises what the bridge or the host said.
    """
    with purpose("printing", person=person):
        waiting = (
            Print.objects.select_for_update(of=("self",)).select_related("printer", "file").get(pk=print_id)
        )
        printer, file = _printer_of(waiting), waiting.file
        printer_rules.require(printer_queries.level(printer, person), Level.OPERATOR)
        rules.require_next(waiting.state, Print.State.SENDING)
        if file is None:
            raise Conflict(_("The file of this print was removed. Upload it again."))
        if queries.under_way(printer) is not None:
            raise Conflict(_("This printer is still busy with another print."))
        waiting.state = Print.State.SENDING
        waiting.save(update_fields=["state"])
        command = printer_actions.record_command(printer, person, "print")
        order = messages.Print(
            print_id=str(waiting.pk), file_name=file.name, size_bytes=file.size_bytes, sha256=file.sha256
        )
        printer_actions.tell_change(printer.pk, PRINTS)
    try:
        printer_actions.carry_out(person, printer, command, order, printer_rules.PRINT_EXPECTS)
    except GlassbedError:
        _wait_again(print_id, person)
        raise


def _wait_again(print_id: UUID, person: UUID) -> None:
    with purpose("printing", person=person):
        back = Print.objects.filter(pk=print_id, state=Print.State.SENDING).first()
        if back is not None:
            back.state = Print.State.QUEUED
            back.save(update_fields=["state"])
            printer_actions.tell_change(back.printer_id, PRINTS)


def print_again(done: Print, person: UUID) -> Print:
    """Queue the file of an earlier print once more."""
    if done.file is None:
        raise Conflict(_("The file of this print was removed. Upload it again."))
    return add_to_queue(_printer_of(done), done.file, person)


def _level(item: Print, person: UUID) -> Level:
    return printer_queries.level(item.printer, person) if item.printer else Level.VIEWER


def remove_from_history(done: Print, person: UUID) -> None:
    """Remove an ended print with its trace."""
    rules.require_own(done.person_id, person, _level(done, person))
    if done.state not in Print.ENDED:
        raise Conflict(_("This print is not over yet. Cancel it first."))
    printer_id = done.printer_id
    tell(PrintLeaves(done.pk))
    done.delete()
    printer_actions.tell_change(printer_id, PRINTS)


def forget_file(file_id: UUID) -> None:
    """Let go of a file that is being removed. Waiting prints of it leave the queue."""
    Print.objects.filter(file=file_id, state=Print.State.QUEUED).delete()
    Print.objects.filter(file=file_id).update(file=None)


def forget_waiting(printer_id: UUID, person: UUID) -> None:
    """Take what a person has waiting on a printer out of its queue: their share of it ends."""
    Print.objects.filter(printer=printer_id, person=person, state=Print.State.QUEUED).delete()


def forget_printer(printer_id: UUID) -> None:
    """Remove all prints of a printer that is being removed."""
    for print_id in Print.objects.filter(printer=printer_id).values_list("id", flat=True):
        tell(PrintLeaves(print_id))
    Print.objects.filter(printer=printer_id).delete()
