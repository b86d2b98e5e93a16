"""The blob store keeps whole encrypted files or nothing."""

import io
import os
import stat
import subprocess
import sys
import tracemalloc
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from glassbed.foundation.blobs import BlobStore, blob_key
from glassbed.protocol.errors import Conflict, Invalid, NotFound
from glassbed.protocol.segments import SEGMENT_BYTES, BlobDamaged, ciphertext_size

DATA_KEY = bytes(range(32))
MEBIBYTE = 1024 * 1024


@pytest.fixture
def store(tmp_path):
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "blobs"


def keep(store, plain, blob_id=None):
    blob_id = blob_id or uuid4()
    key = blob_key(DATA_KEY, blob_id)
    with store.write(blob_id, key) as writer:
        writer.write(plain)
    return blob_id, key


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_blob_comes_back_whole_and_in_ranges(store):
    plain = os.urandom(2 * SEGMENT_BYTES + 17)
    blob_id, key = keep(store, plain)
    assert b"".join(store.read(blob_id, key)) == plain
    assert (
        b"".join(store.read(blob_id, key, SEGMENT_BYTES - 5, 10))
        == plain[SEGMENT_BYTES - 5 : SEGMENT_BYTES + 5]
    )
    assert store.size(blob_id) == len(plain)


def test_only_ciphertext_reaches_the_disk(store, folder):
    plain = b"G1 X10 Y20 ; a sentence that must not be found\n" * 60_000
    blob_id = uuid4()
    with store.write(blob_id, blob_key(DATA_KEY, blob_id)) as writer:
        writer.write(plain)
        assert [path.stat().st_size > SEGMENT_BYTES for path in files(folder)] == [True]
        assert b"sentence" not in files(folder)[0].read_bytes()
    (stored,) = files(folder)
    assert stored.stat().st_size == ciphertext_size(len(plain))
    assert b"sentence" not in stored.read_bytes()


def test_files_and_folders_are_the_owners_alone(store, folder):
    keep(store, b"G28\n")
    (stored,) = files(folder)
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert stat.S_IMODE(stored.parent.stat().st_mode) == 0o700


def test_blobs_spread_over_folders(store, folder):
    for number in (0, 1, 2, 256):
        keep(store, b"", UUID(int=number))
    assert sorted(path.parent.name for path in files(folder)) == ["00", "00", "01", "02"]


def test_an_exception_while_writing_leaves_nothing(store, folder):
    blob_id = uuid4()
    with pytest.raises(Invalid), store.write(blob_id, blob_key(DATA_KEY, blob_id)) as writer:
        writer.write(bytes(3 * SEGMENT_BYTES))
        raise Invalid
    assert files(folder) == []
    with pytest.raises(NotFound):
        store.size(blob_id)


def test_what_was_written_can_be_looked_at_before_it_is_kept(store, folder):
    plain = os.urandom(SEGMENT_BYTES + 99)
    blob_id = uuid4()
    key = blob_key(DATA_KEY, blob_id)
    with store.write(blob_id, key) as writer:
        writer.write(plain)
        with writer.reopen() as file:
            assert file.read() == plain
            file.seek(-9, os.SEEK_END)
            assert file.read() == plain[-9:]
        with pytest.raises(ValueError, match="finished"):
            writer.write(b"more")
        assert writer.size_bytes == len(plain)
    assert b"".join(store.read(blob_id, key)) == plain
    assert len(files(folder)) == 1


def test_an_id_is_never_written_twice(store):
    blob_id, key = keep(store, b"first")
    with pytest.raises(Conflict), store.write(blob_id, key):
        pytest.fail("its key must not begin to encrypt anything else")
    assert b"".join(store.read(blob_id, key)) == b"first"


def test_of_two_writers_of_one_id_the_later_gets_a_conflict(store, folder):
    blob_id = uuid4()
    key = blob_key(DATA_KEY, blob_id)
    with pytest.raises(Conflict), store.write(blob_id, key) as slow:
        slow.write(b"slow")
        keep(store, b"fast", blob_id)
    assert b"".join(store.read(blob_id, key)) == b"fast"
    assert len(files(folder)) == 1


def test_a_deleted_blob_is_gone_and_deleting_again_is_fine(store, folder):
    blob_id, key = keep(store, b"G28\n")
    store.delete(blob_id)
    store.delete(blob_id)
    store.delete(uuid4())
    assert files(folder) == []
    with pytest.raises(NotFound):
        b"".join(store.read(blob_id, key))
    with pytest.raises(NotFound):
        store.open(blob_id, key)


def test_a_blob_opens_with_its_own_key_alone(store):
    blob_id, _ = keep(store, b"G28\n")
    with pytest.raises(BlobDamaged):
        b"".join(store.read(blob_id, blob_key(bytes(32), blob_id)))
    with pytest.raises(BlobDamaged):
        b"".join(store.read(blob_id, blob_key(DATA_KEY, uuid4())))


def test_a_file_exchanged_on_disk_is_noticed(store, folder):
    blob_id, key = keep(store, b"mine\n", UUID(int=1))
    keep(store, b"other", UUID(int=2))
    mine, other = sorted(files(folder))
    mine.write_bytes(other.read_bytes())
    with pytest.raises(BlobDamaged):
        b"".join(store.read(blob_id, key))


def test_a_file_that_is_no_blob_is_damaged_and_closed(store, folder):
    blob_id, key = keep(store, b"G28\n")
    files(folder)[0].write_bytes(b"nonsense")
    open_before = descriptors()
    with pytest.raises(BlobDamaged) as damaged:
        store.open(blob_id, key)
    assert descriptors() == open_before, damaged
    with pytest.raises(BlobDamaged):
        store.size(blob_id)


def test_an_open_blob_reads_and_seeks_like_a_file(store):
    plain = os.urandom(SEGMENT_BYTES + 1000)
    with store.open(*keep(store, plain)) as file:
        twin = io.BytesIO(plain)
        for offset, whence, size in [
            (10, 0, 20),
            (5, 1, 7),
            (-1000, 2, 2000),
            (SEGMENT_BYTES - 3, 0, 6),
            (9**9, 0, 1),
        ]:
            assert file.seek(offset, whence) == twin.seek(offset, whence)
            assert file.read(size) == twin.read(size)
        with pytest.raises(ValueError, match="negative"):
            file.raw.seek(-1)


def test_a_sweep_takes_what_a_killed_writer_left_and_nothing_else(store, folder):
    blob_id, key = keep(store, b"kept")
    killed = (
        "import os, sys, uuid; from pathlib import Path; from glassbed.foundation.blobs import BlobStore\n"
        "with BlobStore(Path(sys.argv[1])).write(uuid.uuid4(), bytes(32)) as writer:\n"
        "    writer.write(bytes(3_000_000)); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(folder)], check=False)
    assert len(files(folder)) == 2
    other = uuid4()
    with store.write(other, key) as writer:
        writer.write(b"at work")
        assert store.sweep_temporary() == 1
        assert len(files(folder)) == 2
    assert b"".join(store.read(other, key)) == b"at work"
    assert b"".join(store.read(blob_id, key)) == b"kept"
    assert store.sweep_temporary() == 0


def test_memory_stays_flat_over_200_megabytes(store):
    chunk = os.urandom(64 * 1024)
    blob_id = uuid4()
    key = blob_key(DATA_KEY, blob_id)
    tracemalloc.start()
    try:
        with store.write(blob_id, key) as writer:
            for _ in range(200 * MEBIBYTE // len(chunk)):
                writer.write(chunk)
        assert sum(len(piece) for piece in store.read(blob_id, key)) == 200 * MEBIBYTE
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 * MEBIBYTE


def test_the_key_depends_on_person_and_blob():
    first, second = uuid4(), uuid4()
    assert len(blob_key(DATA_KEY, first)) == 32
    assert blob_key(DATA_KEY, first) == blob_key(DATA_KEY, first)
    assert len({blob_key(DATA_KEY, first), blob_key(DATA_KEY, second), blob_key(bytes(32), first)}) == 3
