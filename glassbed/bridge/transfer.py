"""The way of a file from the server to the printer's host: streamed, checked, never on this machine's disk."""

import hashlib
import hmac
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp

from glassbed.protocol.errors import GlassbedError, Unavailable
from glassbed.protocol.messages import Print

_CHUNK_BYTES = 64 * 1024

OpenFile = Callable[[str], AbstractAsyncContextManager[aiohttp.StreamReader]]


class TransferFailed(Unavailable):
    """The file could not be fetched from the server. Try the print again."""


class Transfer:
    """One hand-over. Holds one piece back until size and hash are known to be right.

    So a host that reads by length or to the end never gets a damaged file whole.
    """

    def __init__(self, order: Print, open_file: OpenFile, progress: Callable[[float], None]) -> None:
        self._order = order
        self._open_file = open_file
        self._progress = progress
        self.problem: str | None = None

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the file once. Raises `TransferFailed`, and then says why in `problem`."""
        digest, got_bytes, held = hashlib.sha256(), 0, b""
        try:
            async with self._open_file(self._order.print_id) as stream:
                async for chunk in stream.iter_chunked(_CHUNK_BYTES):
                    got_bytes += len(chunk)
                    if got_bytes > self._order.size_bytes:
                        self._fail("The server sent more than the file's size. Nothing was printed.")
                    digest.update(chunk)
                    if held:
                        yield held
                    held = chunk
                    self._progress(got_bytes / self._order.size_bytes)
        except (aiohttp.ClientError, TimeoutError, GlassbedError) as error:
            self._fail(self.problem or f"The file could not be fetched from the server: {_words(error)}")
        complete = got_bytes == self._order.size_bytes
        if not complete or not hmac.compare_digest(digest.hexdigest(), self._order.sha256.lower()):
            self._fail("The file was damaged on its way from the server. Nothing was printed.")
        yield held

    def _fail(self, problem: str) -> None:
        self.problem = problem
        raise TransferFailed(problem)


def _words(error: Exception) -> str:
    return (
        str(error) if isinstance(error, GlassbedError) else f"the connection broke ({type(error).__name__})."
    )
