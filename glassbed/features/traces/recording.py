"""Trace chunks into the database, many in one statement. Purpose: recording.

`COPY` is refused under row policies; `INSERT … SELECT FROM unnest(…)` is the next best. The join leaves out
chunks of foreign, unknown or switched-off printers instead of failing the batch.
"""

from collections.abc import Sequence

from django.db import connections

from glassbed.foundation.purpose import purpose
from glassbed.protocol import messages, subjects

KEEP = """
WITH sent AS (
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::int[], %s::bytea[])
        AS s (event, bridge, printer, print, minute, samples)
), good AS (
    SELECT s.event, s.minute, s.samples, j.id AS print, p.id AS printer, j.person_id AS person
    FROM sent s
    JOIN printers_printer p ON p.id = s.printer AND p.bridge_id = s.bridge AND p.keep_history AND p.keep_trace
    JOIN jobs_print j ON j.id = s.print AND j.printer_id = p.id
), added AS (
    INSERT INTO traces_chunk (print_id, minute, printer_id, person_id, samples)
    SELECT DISTINCT ON (print, minute) print, minute, printer, person, samples FROM good
    ON CONFLICT DO NOTHING
)
SELECT event::text FROM good
"""


def keep_chunks(asked: Sequence[subjects.ToRecord]) -> frozenset[str]:
    """Write chunks and return the ids of the events that are kept, those that were kept before included."""
    columns: list[list[object]] = [[] for _ in range(6)]
    for item in asked:
        chunk = item.event.what
        assert isinstance(chunk, messages.TraceChunk)
        row = (item.event.id, item.bridge, item.event.printer, chunk.print_id, chunk.minute, chunk.samples)
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    with purpose("recording"), connections["default"].cursor() as cursor:
        cursor.execute(KEEP, columns)
        return frozenset(event for (event,) in cursor.fetchall())
