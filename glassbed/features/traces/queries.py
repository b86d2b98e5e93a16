"""The trace of a print as series for a chart. Purpose: printing."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from glassbed.features.jobs.models import Print
from glassbed.features.traces.models import Chunk
from glassbed.protocol import trace


def exists(print_id: UUID) -> bool:
    return Chunk.objects.filter(print=print_id).exists()


def series(print_id: UUID) -> dict[str, Any]:
    """Return `t`, Unix seconds, and as many values in °C for nozzle and bed (None: not known)."""
    started = Print.objects.values_list("started_at", flat=True).get(pk=print_id)
    begin = int(started.timestamp()) if started else 0
    seconds: list[int] = []
    samples: list[trace.TraceSample] = []
    for minute, blob in (
        Chunk.objects.filter(print=print_id).order_by("minute").values_list("minute", "samples")
    ):
        decoded = trace.decode(bytes(blob))
        seconds += [begin + minute * trace.SECONDS + second for second in range(len(decoded))]
        samples += decoded
    return {
        "t": seconds,
        "series": [
            {"label": _("Nozzle"), "unit": "c", "values": [sample.nozzle_c for sample in samples]},
            {"label": _("Bed"), "unit": "c", "values": [sample.bed_c for sample in samples]},
        ],
    }
