"""Keeping and removing files. Purpose: printing."""

from uuid import UUID

from glassbed.features.library.events import FileLeaves
from glassbed.features.library.models import File
from glassbed.features.library.upload import Received, store
from glassbed.foundation.events import tell
from glassbed.foundation.purpose import after_commit

SLICER_LIMIT = 80
LAYERS_LIMIT = 1_000_000


def add_file(received: Received, *, owner: UUID, picture: UUID | None) -> File:
    """Write down a file whose blob is kept."""
    header = received.header
    slicer = " ".join(filter(None, (header.slicer, header.slicer_version)))[:SLICER_LIMIT]
    return File.objects.create(
        id=received.blob_id,
        owner_id=owner,
        name=received.safe_name,
        size_bytes=received.size_bytes,
        sha256=received.sha256,
        thumbnail=picture,
        slicer=slicer,
        estimated_s=header.estimated_s,
        filament_mm=header.filament_mm,
        filament_g=header.filament_g,
        filament_type=header.filament_type or "",
        layers=header.layers if (header.layers or 0) <= LAYERS_LIMIT else None,
        layer_height_mm=header.layer_height_mm,
        height_mm=header.height_mm,
        nozzle_c=header.nozzle_c,
        bed_c=header.bed_c,
        printer_model=header.printer_model or "",
    )


def remove_file(file: File) -> None:
    """Remove a file; its prints stay in the history, without it."""
    blobs = [blob for blob in (file.pk, file.thumbnail) if blob]
    tell(FileLeaves(file.pk))
    file.delete()

    def remove_blobs() -> None:
        for blob in blobs:
            store().delete(blob)

    after_commit(remove_blobs)
