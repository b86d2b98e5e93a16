"""Trace chunks into the database, many in one statement. Purpose: recording.

`COPY` is refused under row policies; `INSERT … SELECT FROM unnest(…)` is the next best. The join leaves out
chunks of foreign, unknown or switched-off printers instead of failing the batch.
"""

from collections.abc import Sequence
from typing import Any, cast

from django.db import connections

from glassbed.foundation.purpose import purpose
from glassbed.protocol import messages, subjects

KEEP = """
WITH good AS (
    SELECT s.place, s.minute, s.samples, j.id AS print, j.printer_id AS printer, j.person_id AS person
    FROM unnest(%b::text[]::uuid[], %b::text[]::uuid[], %b::text[]::uuid[], %b::int[], %b::bytea[])
        WITH ORDINALITY AS s (bridge, printer, print, minute, samples, place)
    JOIN jobs_print j ON j.id = s.print AND j.printer_id = s.printer
    JOIN printers_printer p ON p.id = j.printer_id AND p.bridge_id = s.bridge AND p.keep_history AND p.keep_trace
), added AS (
    INSERT INTO traces_chunk (print_id, minute, printer_id, person_id, samples)
    SELECT print, minute, printer, person, samples FROM good
    ON CONFLICT DO NOTHING
)
SELECT place FROM good
"""


def keep_chunks(asked: Sequence[subjects.ToRecord]) -> frozenset[str]:
    """Write chunks and return the ids of the events that are kept, those that were kept before included."""
    chunks = [cast("messages.TraceChunk", item.event.what) for item in asked]
    columns: list[Any] = [
        [item.bridge for item in asked],
        [item.event.printer for item in asked],
        [chunk.print_id for chunk in chunks],
        [chunk.minute for chunk in chunks],
        [chunk.samples for chunk in chunks],
    ]
    with purpose("recording"), connections["default"].cursor() as cursor:
        cursor.execute(KEEP, columns)
        return frozenset(asked[place - 1].event.id for (place,) in cursor.fetchall())
