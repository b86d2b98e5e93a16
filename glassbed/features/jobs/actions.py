"""Queueing, starting and clearing away prints. Purpose: printing, unless a function says otherwise."""

from uuid import UUID

from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

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
UNREPORTED = gettext_noop("Its end was never reported: the printer has taken another print since.")


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


def _file_of(item: Print) -> File:
    """Return a print's file. Raises `Conflict` where it was removed, or is hidden as somebody else's."""
    if item.file_id is None:
        raise Conflict(_("The file of this print was removed. Upload it again."))
    file: File | None = item.file
    if file is None:
        raise Conflict(_("The file of this print belongs to somebody else. Only they can print it."))
    return file


def take_from_queue(waiting: Print, person: UUID) -> None:
    """Drop a print that still waits. Raises `Conflict` once it was started, also a moment ago."""
    rules.require_own(waiting.person_id, person, _level(waiting, person))
    gone, _by_table = Print.objects.filter(pk=waiting.pk, state=Print.State.QUEUED).delete()
    if not gone:
        raise Conflict
    printer_actions.tell_change(waiting.printer_id, PRINTS)


def start(print_id: UUID, person: UUID) -> None:
    """Lease the start of a waiting print to its printer's bridge. Outside of any purpose.

    Only the bridge knows whether its printer is free. On refusal the print waits again; raises what was said.
    """
    with purpose("printing", person=person):
        locked = Print.objects.select_for_update(of=("self",)).select_related("printer", "file")
        waiting = locked.filter(pk=print_id).first()
        if waiting is None:  # also of one's own print, where one may no longer print
            raise NotFound
        printer, file = _printer_of(waiting), _file_of(waiting)
        printer_rules.require(printer_queries.level(printer, person), Level.OPERATOR)
        rules.require_next(waiting.state, Print.State.SENDING)
        earlier = list(queries.under_way_on(printer).values_list("id", flat=True))
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
    _give_up(earlier, person)


def _give_up(earlier: list[UUID], person: UUID) -> None:
    """End what seemed under way when the bridge took another print; a report that comes late still counts."""
    with purpose("printing", person=person):
        unreported = Print.objects.filter(pk__in=earlier, state__in=Print.UNDER_WAY)
        unreported.update(state=Print.State.FAILED, reason=UNREPORTED)


def _wait_again(print_id: UUID, person: UUID) -> None:
    with purpose("printing", person=person):
        back = Print.objects.filter(pk=print_id, state=Print.State.SENDING).first()
        if back is not None:
            back.state = Print.State.QUEUED
            back.save(update_fields=["state"])
            printer_actions.tell_change(back.printer_id, PRINTS)


def print_again(done: Print, person: UUID) -> Print:
    """Queue the file of an earlier print once more."""
    return add_to_queue(_printer_of(done), _file_of(done), person)


def _level(item: Print, person: UUID) -> Level:
    return printer_queries.level(item.printer, person) if item.printer else Level.VIEWER


def is_followed(item: Print) -> bool:
    """Whether its end is still to be reported. With history off none is."""
    return item.state not in Print.ENDED and (item.printer is None or item.printer.keep_history)


def may_remove(item: Print, person: UUID) -> bool:
    return not is_followed(item) and rules.is_own(item.person_id, person, _level(item, person))


def forget_unrecorded(handed_over: Print) -> None:
    """Forget a print whose file the bridge has, where no history is kept."""
    Print.objects.filter(pk=handed_over.pk).delete()
    printer_actions.tell_change(handed_over.printer_id, PRINTS)


def remove_from_history(done: Print, person: UUID) -> None:
    """Remove a print with its trace, once it has ended or nobody would report that it has."""
    rules.require_own(done.person_id, person, _level(done, person))
    if is_followed(done):
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
    Print.objects.filter(printer=printer_id).delete()
