"""Files of persons on disk, encrypted before the first byte reaches it. Knows no database and no Django.

A blob is written once and never changed. It appears whole or not at all, also after a power cut.
"""

import fcntl
import io
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from glassbed.protocol.errors import Conflict, NotFound
from glassbed.protocol.segments import KEY_BYTES, SEGMENT_BYTES, Decryptor, Encryptor, plain_size

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_TEMPORARY = "incoming"


def blob_key(data_key: bytes, blob_id: UUID) -> bytes:
    """Derive the key of one blob from its person's data key: whoever loses that key loses all blobs."""
    derivation = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"glassbed-blob" + blob_id.bytes)
    return derivation.derive(data_key)


class BlobFile(io.RawIOBase):
    """An encrypted blob as a seekable file of plaintext, for readers that jump: head, tail, range."""

    def __init__(self, source: BinaryIO, key: bytes, blob_id: UUID) -> None:
        super().__init__()
        self._source = source
        self._decryptor = Decryptor(source, key, blob_id)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origins = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._decryptor.size_bytes}
        position = origins[whence] + offset
        if position < 0:
            raise ValueError("a position can't be negative")
        self._position = position
        return position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        for piece in self._decryptor.read(self._position, len(view)):
            view[done : done + len(piece)] = piece
            done += len(piece)
        self._position += done
        return done

    def close(self) -> None:
        self._source.close()
        super().close()


class BlobWriter:
    """Takes the plaintext of one blob. Made by `BlobStore.write`."""

    def __init__(self, target: BinaryIO, key: bytes, blob_id: UUID) -> None:
        self._target = target
        self._key = key
        self._blob_id = blob_id
        self._encryptor = Encryptor(key, blob_id)
        self._finished = False
        self.size_bytes = 0
        target.write(self._encryptor.header)

    def write(self, chunk: bytes) -> None:
        if self._finished:
            raise ValueError("the blob is finished")
        for segment in self._encryptor.update(chunk):
            self._target.write(segment)
        self.size_bytes += len(chunk)

    def reopen(self) -> BinaryIO:
        """Finish, and return the plaintext to look at before the blob is kept. Close it inside the block.

        An exception raised on what is found there leaves nothing behind.
        """
        self.finish()
        source = open(os.dup(self._target.fileno()), "rb")  # noqa: SIM115, PTH123 -- a descriptor; the caller closes it
        return io.BufferedReader(BlobFile(source, self._key, self._blob_id), SEGMENT_BYTES)

    def finish(self) -> None:
        if not self._finished:
            self._target.write(self._encryptor.finish())
            self._target.flush()
            self._finished = True


class BlobStore:
    """Blobs in one folder, spread over 256 sub-folders by the random end of their id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._temporary = folder / _TEMPORARY
        self._temporary.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)

    @contextmanager
    def write(self, blob_id: UUID, key: bytes) -> Iterator[BlobWriter]:
        """Store a new blob when the block ends without an exception, else nothing.

        Raises `Conflict` when the id is taken: a blob's key must never seal two contents.
        """
        self._require_free(blob_id)
        path = self._temporary / f"{blob_id.hex}.{secrets.token_hex(4)}"
        target = self._create(path)
        try:
            with target:
                writer = BlobWriter(target, key, blob_id)
                yield writer
                writer.finish()
                os.fsync(target.fileno())
                self._require_free(blob_id)
                path.rename(self._prepared(blob_id))
            _sync(self._path(blob_id).parent)
        finally:
            path.unlink(missing_ok=True)

    def open(self, blob_id: UUID, key: bytes) -> BinaryIO:
        """Return a blob's plaintext as a seekable file. Raises `NotFound` and `BlobDamaged`."""
        source = self._source(blob_id)
        try:
            return io.BufferedReader(BlobFile(source, key, blob_id), SEGMENT_BYTES)
        except BaseException:
            source.close()
            raise

    def read(self, blob_id: UUID, key: bytes, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a blob's plaintext or a range of it, a segment at most at a time.

        Raises `NotFound` at the first step, and `BlobDamaged` in place of any byte that does not verify.
        """
        with self._source(blob_id) as source:
            yield from Decryptor(source, key, blob_id).read(offset, length)

    def size(self, blob_id: UUID) -> int:
        """Return the plaintext's size in bytes. Needs no key. Raises `NotFound`."""
        try:
            return plain_size(self._path(blob_id).stat().st_size)
        except FileNotFoundError as error:
            raise NotFound from error

    def delete(self, blob_id: UUID) -> None:
        """Remove a blob for good; one that is gone already is fine, so that an erasure can be repeated."""
        path = self._path(blob_id)
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _sync(path.parent)

    def stored(self, *, older_than_s: float) -> set[UUID]:
        """Return the ids of all blobs that were stored so long ago."""
        latest = time.time() - older_than_s
        paths = self._folder.glob("[0-9a-f][0-9a-f]/*")
        return {UUID(path.name) for path in paths if path.stat().st_mtime < latest}

    def move(self, blob_id: UUID, to: "BlobStore") -> None:
        """Hand a blob to another store of the same disk; there it counts as stored just now."""
        path = self._path(blob_id)
        os.utime(path)
        path.rename(to._prepared(blob_id))  # noqa: SLF001 -- of the same class

    def sweep_temporary(self) -> int:
        """Remove what killed writers left, and return how many. Writers at work keep theirs."""
        swept = 0
        with _locked(self._temporary, fcntl.LOCK_EX):
            for path in self._temporary.iterdir():
                with path.open("rb") as leftover:
                    try:
                        fcntl.flock(leftover, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        continue
                    path.unlink()
                    swept += 1
        return swept

    def _create(self, path: Path) -> BinaryIO:
        """Create a temporary file that is locked while its writer lives. No sweep sees it unlocked."""
        with _locked(self._temporary, fcntl.LOCK_SH):
            target = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE_MODE), "w+b")  # noqa: SIM115, PTH123 -- a descriptor; `write` closes it
            fcntl.flock(target, fcntl.LOCK_EX)
        return target

    def _source(self, blob_id: UUID) -> BinaryIO:
        try:
            return self._path(blob_id).open("rb")
        except FileNotFoundError as error:
            raise NotFound from error

    def _require_free(self, blob_id: UUID) -> None:
        if self._path(blob_id).exists():
            raise Conflict("A file with this id is stored already. Send it as a new one.")

    def _prepared(self, blob_id: UUID) -> Path:
        """Return a blob's path after its folder was made durably."""
        path = self._path(blob_id)
        if not path.parent.exists():
            path.parent.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            _sync(self._folder)
        return path

    def _path(self, blob_id: UUID) -> Path:
        return self._folder / blob_id.hex[-2:] / blob_id.hex


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    """Make names in a folder durable: `fsync` of a file alone does not keep its name over a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
