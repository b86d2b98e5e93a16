"""Prints that a person may see: one's own, and those on printers that one may print on. Purpose: printing."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from glassbed.features.jobs.models import Print
from glassbed.features.printers.models import Printer
from glassbed.protocol.errors import NotFound

State = Print.State


def print_(print_id: UUID) -> Print:
    found = Print.objects.select_related("printer", "file").filter(pk=print_id).first()
    if found is None:
        raise NotFound
    return found


def history() -> QuerySet[Print]:
    """Ended prints and those under way, newest first."""
    return (
        Print.objects.exclude(state=State.QUEUED)
        .select_related("printer", "file")
        .order_by("-created_at", "-id")
    )


def queue(printer: Printer) -> QuerySet[Print]:
    return (
        Print.objects.filter(printer=printer, state=State.QUEUED)
        .select_related("file")
        .order_by("position", "id")
    )


def under_way_on(printer: Printer) -> QuerySet[Print]:
    return Print.objects.filter(printer=printer, state__in=Print.UNDER_WAY)


def under_way(printer: Printer) -> Print | None:
    return under_way_on(printer).select_related("file").order_by("-created_at").first()


def under_way_by_printer() -> dict[UUID, Print]:
    """Printer → its print under way, in one query for a whole dashboard."""
    rows = Print.objects.filter(state__in=Print.UNDER_WAY).select_related("file").order_by("created_at")
    return {row.printer_id: row for row in rows if row.printer_id is not None}


def waiting_by_printer() -> dict[UUID, int]:
    """Printer → how many prints wait."""
    counts: dict[UUID, int] = {}
    for printer in Print.objects.filter(state=State.QUEUED).values_list("printer_id", flat=True):
        counts[printer] = counts.get(printer, 0) + 1
    return counts


class Totals(NamedTuple):
    """What was printed in a span of time."""

    prints: int
    completed: int
    duration_s: int
    filament_mm: float


def last_week(as_of: datetime) -> Totals:
    """The prints that ended in the seven days before `as_of`."""
    ended = Print.objects.filter(
        state__in=Print.ENDED, ended_at__gt=as_of - timedelta(days=7), ended_at__lte=as_of
    )
    sums = ended.aggregate(
        prints=Count("id"),
        completed=Count("id", filter=Q(state=State.COMPLETED)),
        duration_s=Sum("duration_s"),
        filament_mm=Sum("filament_mm"),
    )
    return Totals(
        sums["prints"], sums["completed"], int(sums["duration_s"] or 0), float(sums["filament_mm"] or 0)
    )
