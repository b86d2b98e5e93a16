"""An upload on its way into the blob store: checked as it passes, encrypted before it reaches the disk."""

import contextlib
import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import File as DjangoFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest
from django.utils.translation import gettext as _

from glassbed.features.library import acceptance, gcode, thumbnails
from glassbed.foundation.blobs import BlobStore, BlobWriter, blob_key
from glassbed.protocol.errors import GlassbedError, Invalid
from glassbed.protocol.ids import uuid7

MEBIBYTE = 1024 * 1024


def store() -> BlobStore:
    return BlobStore(settings.HOME / "blobs")


def limit_bytes() -> int:
    return int(settings.GLASSBED.upload_limit_mb) * MEBIBYTE


class RefuseFiles(FileUploadHandler):
    """Stands wherever no view takes a file: nothing is kept in memory or in a temporary file."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        return None

    def file_complete(self, file_size: int) -> None:
        return None


class Received(DjangoFile):  # type: ignore[type-arg]  # generic only in the stubs
    """What the view gets: a file that is whole, checked and read, but kept only when the view says so."""

    def __init__(
        self, blob_id: UUID, name: str, size_bytes: int, sha256: str, header: gcode.GcodeHeader
    ) -> None:
        super().__init__(None, name)
        self.safe_name = name
        self.blob_id = blob_id
        self.size_bytes = size_bytes
        self.sha256 = sha256
        self.header = header


class EncryptedUpload(FileUploadHandler):
    """Takes one file. What is wrong with it is told as `refusal`, after the rest of the body was read."""

    chunk_size = MEBIBYTE

    def __init__(self, request: HttpRequest, data_key: bytes) -> None:
        super().__init__(request)
        self._data_key = data_key
        self._stack = ExitStack()
        self._writer: BlobWriter | None = None
        self.refusal: GlassbedError | None = None
        self.received: Received | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.received is not None or self._writer is not None or self.refusal is not None:
            self._refuse(Invalid(_("Send one file at a time.")))
            return
        self._blob_id = uuid7()
        self._hash = hashlib.sha256()
        self._lines = acceptance.LineWatch()
        self._attempt(self._begin)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self._writer is not None:
            self._attempt(lambda: self._take(raw_data))

    def file_complete(self, file_size: int) -> Received | None:  # type: ignore[override]  # no UploadedFile: it is in the store
        if self._writer is not None:
            self._attempt(self._finish)
        return self.received

    def upload_interrupted(self) -> None:
        self._refuse(Invalid(_("The upload was interrupted. Nothing was stored; send the file again.")))

    def keep(self) -> Received:
        """Keep the blob. Raises what was wrong with the upload, or `Invalid` when there was no file."""
        if self.refusal is not None:
            raise self.refusal
        if self.received is None:
            raise Invalid(_("Choose a file first."))
        self._stack.close()
        self._writer = None
        return self.received

    def close(self) -> None:
        """Drop what was not kept, however the request ended."""
        if self._writer is not None:
            self.upload_interrupted()

    def _begin(self) -> None:
        self._name = acceptance.safe_name(self.file_name or "")
        key = blob_key(self._data_key, self._blob_id)
        self._writer = self._stack.enter_context(store().write(self._blob_id, key))

    def _take(self, chunk: bytes) -> None:
        assert self._writer is not None
        if self._writer.size_bytes + len(chunk) > limit_bytes():
            raise Invalid(
                _("This file is larger than %(limit)s MB.") % {"limit": settings.GLASSBED.upload_limit_mb}
            )
        if self._writer.size_bytes == 0:
            acceptance.refuse_other_formats(chunk)  # "a picture" helps more than the NUL that is in each one
        self._lines.feed(chunk)
        self._hash.update(chunk)
        self._writer.write(chunk)

    def _finish(self) -> None:
        assert self._writer is not None
        size_bytes = self._writer.size_bytes
        with self._writer.reopen() as file:
            acceptance.check(file, size_bytes, self._name, limit_bytes=limit_bytes())
            header = gcode.read_header(file, size_bytes)
        self.received = Received(self._blob_id, self._name, size_bytes, self._hash.hexdigest(), header)

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except GlassbedError as error:
            self._refuse(error)

    def _refuse(self, error: GlassbedError) -> None:
        """Drop what was stored so far; the temporary file goes with the exception that the store sees."""
        self.refusal = self.refusal or error
        self.received = None
        if self._writer is not None:
            self._writer = None
            with contextlib.suppress(GlassbedError):  # the store hands it back once it has cleaned up
                self._stack.__exit__(type(error), error, None)


def write_picture(header: gcode.GcodeHeader, data_key: bytes) -> UUID | None:
    """Store the best thumbnail of a file as a blob of its own, re-encoded. None where there is none."""
    picture = thumbnails.picture(header.thumbnails)
    if picture is None:
        return None
    blob_id = uuid7()
    with store().write(blob_id, blob_key(data_key, blob_id)) as writer:
        writer.write(picture)
    return blob_id
