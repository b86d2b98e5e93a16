"""Removing traces. Purpose: printing."""

from uuid import UUID

from glassbed.features.traces.models import Chunk


def forget_print(print_id: UUID) -> None:
    Chunk.objects.filter(print=print_id).delete()


def forget_printer(printer_id: UUID) -> None:
    Chunk.objects.filter(printer=printer_id).delete()
