"""The one encrypted format: whatever is done to a blob, it opens as it was or not at all."""

import io
import os
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbed.protocol import segments
from glassbed.protocol.segments import (
    HEADER_BYTES,
    SEGMENT_BYTES,
    TAG_BYTES,
    BlobDamaged,
    Decryptor,
    Encryptor,
    ciphertext_size,
    encrypt,
    plain_size,
)

KEY = bytes(range(32))
ID = uuid4()
SEALED = SEGMENT_BYTES + TAG_BYTES


def sealed(plain, key=KEY, blob_id=ID):
    return b"".join(encrypt([plain], key, blob_id))


def opened(blob, offset=0, length=None, key=KEY, blob_id=ID):
    return b"".join(Decryptor(io.BytesIO(blob), key, blob_id).read(offset, length))


def segment(blob, index):
    return blob[HEADER_BYTES + index * SEALED : HEADER_BYTES + (index + 1) * SEALED]


class Counting(io.BytesIO):
    """A file that says how much was read of it."""

    read_bytes = 0

    def read(self, size=-1):
        data = super().read(size)
        self.read_bytes += len(data)
        return data


@pytest.fixture(scope="module")
def plain():
    return os.urandom(3 * SEGMENT_BYTES + 5)


@pytest.fixture(scope="module")
def blob(plain):
    return sealed(plain)


@pytest.fixture
def small_segments(monkeypatch):
    monkeypatch.setattr(segments, "SEGMENT_BYTES", 8)
    monkeypatch.setattr(segments, "_SEALED_BYTES", 8 + TAG_BYTES)


@pytest.mark.parametrize(
    "size", [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES]
)
def test_sizes_around_a_segment_come_back_and_are_foretold(size):
    plain = os.urandom(size)
    blob = sealed(plain)
    assert opened(blob) == plain
    assert len(blob) == ciphertext_size(size)
    assert plain_size(len(blob)) == size


@pytest.mark.usefixtures("small_segments")
def test_any_content_comes_back_through_any_chunks_and_any_range():
    @settings(deadline=None)
    @given(st.lists(st.binary(max_size=30), max_size=8), st.integers(0, 100), st.none() | st.integers(0, 100))
    def holds(chunks, offset, length):
        plain = b"".join(chunks)
        blob = b"".join(encrypt(chunks, KEY, ID))
        end = None if length is None else offset + length
        assert opened(blob) == plain
        assert opened(blob, offset, length) == plain[offset:end]
        assert len(blob) == ciphertext_size(len(plain))

    holds()


@pytest.mark.usefixtures("small_segments")
def test_any_flipped_bit_is_noticed():
    @settings(deadline=None)
    @given(st.binary(max_size=40), st.data())
    def holds(plain, data):
        blob = bytearray(sealed(plain))
        blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        with pytest.raises(BlobDamaged):
            opened(bytes(blob))

    holds()


@pytest.mark.usefixtures("small_segments")
def test_any_shortened_or_lengthened_blob_is_noticed():
    blob = sealed(bytes(29))
    for size in range(len(blob)):
        with pytest.raises(BlobDamaged):
            opened(blob[:size])
    for extra in range(1, 60):
        with pytest.raises(BlobDamaged):
            opened(blob + bytes(extra))


@given(st.binary(max_size=200))
def test_any_other_bytes_are_no_blob(noise):
    with pytest.raises(BlobDamaged):
        opened(noise)


@pytest.mark.parametrize("plain_bytes", [0, 1, 7, SEGMENT_BYTES, 5 * SEGMENT_BYTES + 3])
def test_sizes_that_no_blob_has_are_refused(plain_bytes):
    whole = ciphertext_size(plain_bytes)
    assert plain_size(whole) == plain_bytes
    with pytest.raises(BlobDamaged):
        plain_size(HEADER_BYTES + SEALED + TAG_BYTES)  # an empty segment after a full one
    with pytest.raises(BlobDamaged):
        plain_size(HEADER_BYTES + SEALED * 2 + TAG_BYTES - 1)


def test_a_blob_cut_between_segments_does_not_read_as_whole(blob):
    cut = blob[: HEADER_BYTES + 2 * SEALED]
    with pytest.raises(BlobDamaged):
        opened(cut)


def test_a_range_past_the_cut_is_an_error_and_not_an_empty_answer(blob):
    cut = blob[: HEADER_BYTES + 2 * SEALED]
    with pytest.raises(BlobDamaged):
        opened(cut, offset=2 * SEGMENT_BYTES + 10, length=10)


def test_reordered_segments_are_refused(blob):
    swapped = blob[:HEADER_BYTES] + segment(blob, 1) + segment(blob, 0) + blob[HEADER_BYTES + 2 * SEALED :]
    with pytest.raises(BlobDamaged):
        opened(swapped)


def test_a_segment_of_another_blob_under_the_same_key_is_refused(plain, blob):
    other = sealed(plain, blob_id=uuid4())
    mixed = blob[:HEADER_BYTES] + segment(other, 0) + blob[HEADER_BYTES + SEALED :]
    with pytest.raises(BlobDamaged):
        opened(mixed)


def test_a_whole_blob_under_another_id_or_key_is_refused(blob):
    with pytest.raises(BlobDamaged):
        opened(blob, blob_id=uuid4())
    with pytest.raises(BlobDamaged):
        opened(blob, key=bytes(32))


def test_the_same_id_and_content_never_encrypts_alike():
    assert sealed(b"G28\n")[HEADER_BYTES:] != sealed(b"G28\n")[HEADER_BYTES:]


def test_another_version_is_refused(blob):
    assert blob[7] == 1
    with pytest.raises(BlobDamaged):
        opened(blob[:7] + b"\x02" + blob[8:])


def test_a_range_reads_its_own_segment_alone(plain, blob):
    source = Counting(blob)
    offset = SEGMENT_BYTES + 100
    assert b"".join(Decryptor(source, KEY, ID).read(offset, 50)) == plain[offset : offset + 50]
    assert source.read_bytes == HEADER_BYTES + SEALED


def test_a_range_over_a_border_joins_two_segments(plain, blob):
    offset = 2 * SEGMENT_BYTES - 3
    assert opened(blob, offset, 6) == plain[offset : offset + 6]


def test_an_empty_range_is_empty(blob):
    assert opened(blob, 0, 0) == b""
    assert opened(blob, 5, 0) == b""


def test_nothing_of_a_damaged_segment_is_given_out(plain, blob):
    damaged = bytearray(blob)
    damaged[HEADER_BYTES + SEALED + 10] ^= 1
    pieces = Decryptor(io.BytesIO(bytes(damaged)), KEY, ID).read()
    assert next(pieces) == plain[:SEGMENT_BYTES]
    with pytest.raises(BlobDamaged):
        next(pieces)


def test_what_is_held_stays_under_two_segments():
    encryptor = Encryptor(KEY, ID)
    for _ in range(40):
        for piece in encryptor.update(bytes(300_000)):
            assert len(piece) == SEALED
        assert len(encryptor._held) <= SEGMENT_BYTES


@pytest.mark.parametrize(("offset", "length"), [(-1, None), (0, -1)])
def test_a_negative_range_is_a_mistake_of_the_caller(blob, offset, length):
    with pytest.raises(ValueError, match="negative"):
        opened(blob, offset, length)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_short_key_is_a_mistake_of_the_caller(size):
    with pytest.raises(ValueError, match="32 bytes"):
        sealed(b"", key=bytes(size))


def test_the_error_tells_a_person_what_to_do():
    assert "Upload it again" in str(BlobDamaged())
