"""Encrypted blobs in segments: one format for stored files, camera frames and incognito files.

A header, then the plaintext in pieces of 1 MiB, each sealed by AES-256-GCM with its index and whether
it is the last one, so that a range is read by opening the touched pieces only. Not for messages.

    header   b"GLASSEG" ‖ version (1 byte) ‖ nonce prefix (4 random bytes)
    segment  ciphertext (1 MiB, the last one less) ‖ tag (16 bytes)
    nonce    nonce prefix ‖ index (u64, big endian)
    AAD      blob id (16 bytes) ‖ index (u64, big endian) ‖ 1 for the last segment, else 0
"""

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from glassbed.protocol.errors import GlassbedError

SEGMENT_BYTES = 1024 * 1024
TAG_BYTES = 16
KEY_BYTES = 32

_MAGIC = b"GLASSEG"
_VERSION = 1
_PREFIX_BYTES = 4
HEADER_BYTES = len(_MAGIC) + 1 + _PREFIX_BYTES
_SEALED_BYTES = SEGMENT_BYTES + TAG_BYTES


class BlobDamaged(GlassbedError):
    """This stored file is damaged, cut short or not the right one, so it was not opened. Upload it again."""


def ciphertext_size(plain_bytes: int) -> int:
    """Return how many bytes `plain_bytes` take when encrypted."""
    return HEADER_BYTES + plain_bytes + TAG_BYTES * _segment_count(plain_bytes)


def plain_size(ciphertext_bytes: int) -> int:
    """Return the plaintext's size. Raises `BlobDamaged` for a size that no whole blob has."""
    full, rest = divmod(ciphertext_bytes - HEADER_BYTES, _SEALED_BYTES)
    plain_bytes = full * SEGMENT_BYTES + max(rest - TAG_BYTES, 0)
    if full < 0 or ciphertext_size(plain_bytes) != ciphertext_bytes:
        raise BlobDamaged
    return plain_bytes


class Encryptor:
    """Encrypts a blob as it comes, holding less than two segments.

    The counter is safe as a nonce because the key belongs to one blob alone. The random prefix covers
    the one case left: a blob that is begun again with its id after a broken try.
    """

    def __init__(self, key: bytes, blob_id: UUID) -> None:
        self._cipher = _cipher(key)
        self._blob_id = blob_id
        self._prefix = os.urandom(_PREFIX_BYTES)
        self._index = 0
        self._held = bytearray()
        self.header = _MAGIC + bytes([_VERSION]) + self._prefix

    def update(self, chunk: bytes) -> Iterator[bytes]:
        """Take a chunk of any size and yield the segments that it completes. Exhaust it."""
        rest = memoryview(chunk)
        while rest:
            if len(self._held) == SEGMENT_BYTES:  # more follows, so this one is not the last
                yield self._seal(last=False)
            taken = SEGMENT_BYTES - len(self._held)
            self._held += rest[:taken]
            rest = rest[taken:]

    def finish(self) -> bytes:
        """Return the last segment; an empty blob has one too, so that a missing end is always seen."""
        return self._seal(last=True)

    def _seal(self, *, last: bool) -> bytes:
        nonce, associated = _bound_to(self._prefix, self._blob_id, self._index, last=last)
        sealed = self._cipher.encrypt(nonce, bytes(self._held), associated)
        self._index += 1
        self._held.clear()
        return sealed


def encrypt(chunks: Iterable[bytes], key: bytes, blob_id: UUID) -> Iterator[bytes]:
    """Yield the blob of the plaintext in `chunks`. `key` (32 bytes) must belong to this blob alone."""
    encryptor = Encryptor(key, blob_id)
    yield encryptor.header
    for chunk in chunks:
        yield from encryptor.update(chunk)
    yield encryptor.finish()


class Decryptor:
    """Reads plaintext out of an encrypted blob in a seekable file, opening the touched segments only."""

    def __init__(self, source: BinaryIO, key: bytes, blob_id: UUID) -> None:
        """Read the header. Raises `BlobDamaged` where `source` can't be a whole blob of this format."""
        self._cipher = _cipher(key)
        self._source = source
        self._blob_id = blob_id
        self.size_bytes = plain_size(source.seek(0, os.SEEK_END))
        source.seek(0)
        header = source.read(HEADER_BYTES)
        if not header.startswith(_MAGIC + bytes([_VERSION])):
            raise BlobDamaged
        self._prefix = header[-_PREFIX_BYTES:]
        self._last_index = _segment_count(self.size_bytes) - 1

    def read(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield plaintext from `offset` on, in pieces of at most a segment, fewer bytes at the end.

        Raises `BlobDamaged` before it yields anything of a segment that does not open. A range that
        reaches the end opens the last segment even for no bytes, so that a cut file never reads as whole.
        """
        if offset < 0 or (length is not None and length < 0):
            raise ValueError("offset and length can't be negative")
        end = self.size_bytes if length is None else min(offset + length, self.size_bytes)
        first = min(offset // SEGMENT_BYTES, self._last_index)
        last = max(end - 1, 0) // SEGMENT_BYTES
        for index in range(first, last + 1):
            start = index * SEGMENT_BYTES
            piece = self._open(index)[max(offset - start, 0) : max(end - start, 0)]
            if piece:
                yield piece

    def _open(self, index: int) -> bytes:
        nonce, associated = _bound_to(self._prefix, self._blob_id, index, last=index == self._last_index)
        self._source.seek(HEADER_BYTES + index * _SEALED_BYTES)
        try:
            return self._cipher.decrypt(nonce, self._source.read(_SEALED_BYTES), associated)
        except InvalidTag as error:
            raise BlobDamaged from error


def _segment_count(plain_bytes: int) -> int:
    return max(-(-plain_bytes // SEGMENT_BYTES), 1)


def _bound_to(prefix: bytes, blob_id: UUID, index: int, *, last: bool) -> tuple[bytes, bytes]:
    """Return nonce and associated data of a segment."""
    counter = index.to_bytes(8, "big")
    return prefix + counter, blob_id.bytes + counter + bytes([last])


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return AESGCM(key)
