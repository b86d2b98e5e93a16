"""A file on its way to OctoPrint as multipart/form-data, piece by piece, never whole in memory."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from urllib.parse import quote

from glassbed.drivers.interface import HostUnreachable, Upload
from glassbed.drivers.octoprint.rest import Rest, network_errors
from glassbed.protocol.errors import ProtocolViolation

STALL_LIMIT_S = 60
"""How long the host may take for one chunk, and for its answer after the last."""

FOLDER = "glassbed"
"""Where the files go at the host, so that no file of its owner with the same name is overwritten."""


async def send_and_print(rest: Rest, upload: Upload) -> bytes:
    """Return OctoPrint's answer. Only the host's slowness counts against the limit, not the source's."""
    boundary = secrets.token_hex(16)
    head, tail = _envelope(upload.name, boundary)
    source = _Source(upload)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + upload.size_bytes + len(tail)),
    }
    try:
        async with network_errors(), asyncio.timeout(STALL_LIMIT_S) as limit:
            pieces = source.pieces(head, tail, limit)
            return (await rest.request("POST", "/api/files/local", pieces, headers, limit_s=None))[1]
    except HostUnreachable:
        if source.failure:  # which the client library reports as a broken connection
            raise source.failure from None
        raise


class _Source:
    """The caller's chunks in their envelope."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self.failure: Exception | None = None

    async def pieces(self, head: bytes, tail: bytes, limit: asyncio.Timeout) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        yield head
        limit.reschedule(None)
        async for chunk in self._chunks():
            limit.reschedule(now() + STALL_LIMIT_S)
            yield chunk
            limit.reschedule(None)
        limit.reschedule(now() + STALL_LIMIT_S)
        yield tail

    async def _chunks(self) -> AsyncIterator[bytes]:
        sent_bytes = 0
        try:
            async for chunk in self._upload.chunks:
                sent_bytes += len(chunk)
                yield chunk
        except Exception as error:
            self.failure = error
            raise
        if sent_bytes != self._upload.size_bytes:
            self.failure = ProtocolViolation(
                f"a file of {sent_bytes} bytes; {self._upload.size_bytes} were announced"
            )
            raise self.failure


def _envelope(file_name: str, boundary: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the file's bytes (RFC 7578; names by RFC 5987)."""
    fields = {"path": FOLDER, "select": "true", "print": "true"}
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()
    ]
    parts.append(
        'Content-Disposition: form-data; name="file"; filename="print.gcode"; '
        f"filename*=utf-8''{quote(file_name, safe='')}\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    head = "\r\n".join(f"--{boundary}\r\n{part}" for part in parts)
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()
