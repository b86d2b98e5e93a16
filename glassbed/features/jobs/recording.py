"""What bridges report of prints, written into the history. Purpose: recording.

Everything here may arrive twice: a print's state only goes forward, and keys come from the bridge.
"""

from datetime import UTC, datetime
from uuid import UUID

from glassbed.features.jobs import rules
from glassbed.features.jobs.actions import PRINTS
from glassbed.features.jobs.models import Print
from glassbed.features.printers.actions import tell_change
from glassbed.features.printers.models import Printer
from glassbed.protocol import messages

State = Print.State


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def print_started(printer: Printer, started: messages.PrintStarted) -> None:
    """Note the start of a print that was ordered here, or add one that was begun at the printer."""
    print_id = UUID(started.print_id)
    known = Print.objects.select_for_update().filter(pk=print_id, printer=printer).first()
    if known is None:
        Print.objects.create(
            id=print_id,
            printer=printer,
            person_id=printer.owner_id,
            file_name=started.file_name,
            state=State.PRINTING,
            at_printer=started.at_printer,
            started_at=moment(started.started_at),
        )
    elif rules.may_become(known.state, State.PRINTING):
        known.state, known.started_at = State.PRINTING, moment(started.started_at)
        known.save(update_fields=["state", "started_at"])
    tell_change(printer.pk, PRINTS)


def print_ended(printer: Printer, ended: messages.PrintEnded) -> bool:
    """Note the end of a print, once. Returns whether the print is known here."""
    known = Print.objects.select_for_update().filter(pk=ended.print_id, printer=printer).first()
    if known is None:
        return False
    if known.ended_at is None:  # also of one that was given up here
        known.state = State(ended.outcome)
        known.ended_at = moment(ended.ended_at)
        known.started_at = known.started_at or known.ended_at
        known.progress_ratio = ended.progress_ratio
        known.duration_s = ended.duration_s
        known.filament_mm = ended.filament_mm
        known.reason = ended.reason or ""
        known.save()
        tell_change(printer.pk, PRINTS)
    return True
