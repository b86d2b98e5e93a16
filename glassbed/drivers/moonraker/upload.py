"""A file on its way to Moonraker as multipart/form-data, piece by piece, never whole in memory."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator

from glassbed.drivers.interface import Upload
from glassbed.drivers.moonraker.rest import Rest, network_errors
from glassbed.protocol.errors import ProtocolViolation

STALL_LIMIT_S = 60
"""How long the host may take for one chunk."""
START_LIMIT_S = 180
"""How long it may take after the last one: it reads a big file through before it starts it."""

FOLDER = "glassbed"
"""Where the files go at the host, so that none of the same name is overwritten."""


async def send_and_print(rest: Rest, upload: Upload) -> bytes:
    """Return Moonraker's answer. Only the host's slowness counts against the limit, not the source's."""
    envelope = _Envelope(upload)
    headers = {"Content-Type": envelope.content_type, "Content-Length": str(envelope.size_bytes)}
    try:
        async with network_errors(), asyncio.timeout(STALL_LIMIT_S) as limit:
            pieces = envelope.pieces(limit)
            return (await rest.request("POST", "/server/files/upload", pieces, headers, limit_s=None))[1]
    except Exception:
        if envelope.failure:
            raise envelope.failure from None  # the client library reports it as a broken connection
        raise


class _Envelope:
    """The caller's chunks between the form's fields. The checksum comes last: it is reckoned on the way."""

    def __init__(self, upload: Upload) -> None:
        boundary = secrets.token_hex(16)
        self._upload = upload
        self._boundary = boundary
        self._head = self._fields({"root": "gcodes", "path": FOLDER, "print": "true"}) + self._file_head()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.size_bytes = len(self._head) + upload.size_bytes + len(self._tail(hashlib.sha256()))
        self.failure: BaseException | None = None

    async def pieces(self, limit: asyncio.Timeout) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        digest = hashlib.sha256()
        yield self._head
        sent_bytes = 0
        try:
            limit.reschedule(None)
            async for chunk in self._upload.chunks:
                sent_bytes += len(chunk)
                digest.update(chunk)
                limit.reschedule(now() + STALL_LIMIT_S)
                yield chunk
                limit.reschedule(None)
            self._check(sent_bytes)
        except BaseException as error:
            self.failure = error
            raise
        limit.reschedule(now() + START_LIMIT_S)
        yield self._tail(digest)

    def _check(self, sent_bytes: int) -> None:
        if sent_bytes != self._upload.size_bytes:
            raise ProtocolViolation(f"a file of {sent_bytes} bytes; {self._upload.size_bytes} were announced")

    def _fields(self, fields: dict[str, str]) -> bytes:
        parts = (
            f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        return "".join(parts).encode()

    def _file_head(self) -> bytes:
        name = self._upload.name.replace("\\", "\\\\").replace('"', '\\"')
        disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        return f"--{self._boundary}\r\n{disposition}\r\nContent-Type: text/x.gcode\r\n\r\n".encode()

    def _tail(self, digest: "hashlib._Hash") -> bytes:
        return b"\r\n" + self._fields({"checksum": digest.hexdigest()}) + f"--{self._boundary}--\r\n".encode()
