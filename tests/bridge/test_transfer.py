import hashlib
import uuid
from contextlib import asynccontextmanager

import aiohttp
import pytest

from glassbed.bridge.transfer import Transfer, TransferFailed
from glassbed.protocol.errors import Unavailable
from glassbed.protocol.messages import Print

CONTENT = bytes(range(256)) * 2000
SIZE_BYTES = len(CONTENT)


class Stream:
    def __init__(self, content, error=None):
        self._content, self._error = content, error

    async def iter_chunked(self, size):
        for start in range(0, len(self._content), size):
            yield self._content[start : start + size]
        if self._error:
            raise self._error


def transfer(content, *, size=SIZE_BYTES, of=CONTENT, error=None, refuse=None):
    order = Print(
        print_id=str(uuid.uuid4()), file_name="a", size_bytes=size, sha256=hashlib.sha256(of).hexdigest()
    )

    @asynccontextmanager
    async def open_file(print_id):
        assert print_id == order.print_id
        if refuse:
            raise refuse
        yield Stream(content, error)

    progress = []
    made = Transfer(order, open_file, progress.append)
    return made, progress


async def read(made):
    got = b""
    try:
        async for chunk in made.chunks():
            got += chunk
    except TransferFailed as failure:
        return got, str(failure)
    return got, "nothing failed"


async def test_the_whole_file_arrives_with_its_progress():
    made, progress = transfer(CONTENT)
    assert b"".join([chunk async for chunk in made.chunks()]) == CONTENT
    assert made.problem is None
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CONTENT[:-1], "damaged"),
        (CONTENT[:-1] + b"x", "damaged"),
        (b"", "damaged"),
        (CONTENT + b"x", "more than"),
    ],
    ids=["short", "changed", "empty", "long"],
)
async def test_a_wrong_file_never_reaches_the_host_whole(content, words):
    made, _ = transfer(content)
    got, problem = await read(made)
    assert len(got) < len(CONTENT)
    assert words in problem
    assert made.problem == problem


async def test_a_broken_connection_and_a_refusal_are_told_in_words():
    made, _ = transfer(CONTENT[:1000], error=aiohttp.ClientPayloadError())
    assert "connection broke" in (await read(made))[1]
    made, _ = transfer(b"", refuse=Unavailable("The server answered 404 when asked for the file."))
    assert "404" in (await read(made))[1]
