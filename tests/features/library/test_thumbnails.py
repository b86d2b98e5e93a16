"""A picture out of a stranger's file comes out as plain pixels, or not at all."""

import io
import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from glassbed.features.library.gcode import read_header
from glassbed.features.library.gcode_comments import Thumbnail
from glassbed.features.library.thumbnails import SIDE_PX, picture


def thumbnail(data, width=300, height=300):
    return Thumbnail(format="png", width=width, height=height, data=data)


def opened(webp):
    image = Image.open(io.BytesIO(webp))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["png", "jpg", "qoi"])
def test_each_format_becomes_webp(make_picture, kind):
    made = opened(picture([thumbnail(make_picture(kind, 300, 200), 300, 200)]))
    assert (made.format, made.size) == ("WEBP", (300, 200))


def test_a_slicers_file_gives_its_picture(samples):
    content = samples["OrcaSlicer"]
    assert opened(picture(read_header(io.BytesIO(content), len(content)).thumbnails)).size == (300, 300)


def test_transparency_stays():
    out = io.BytesIO()
    Image.new("RGBA", (220, 220), (255, 0, 0, 0)).save(out, "PNG")
    assert opened(picture([thumbnail(out.getvalue())])).getpixel((5, 5))[3] == 0


def test_a_large_picture_becomes_smaller(make_picture):
    assert max(opened(picture([thumbnail(make_picture("jpg", 1500, 1000))])).size) == SIDE_PX


def test_texts_and_profiles_do_not_pass():
    info = PngInfo()
    info.add_text("Comment", "written by somebody")
    info.add_itxt("XML:com.adobe.xmp", "somebody's xmp")
    exif = Image.Exif()
    exif[0x010E] = "somebody's exif"
    out = io.BytesIO()
    Image.new("RGB", (300, 300)).save(out, "PNG", pnginfo=info, exif=exif, icc_profile=b"somebody's profile")
    assert b"somebody" in out.getvalue()
    assert b"somebody" not in picture([thumbnail(out.getvalue())])


def test_the_smallest_that_is_large_enough_is_chosen(make_picture):
    sizes = [(16, 16), (800, 600), (300, 300), (100, 100)]
    listed = [thumbnail(make_picture("png", *size), *size) for size in sizes]
    assert opened(picture(listed)).size == (300, 300)
    assert opened(picture([listed[0], listed[3]])).size == (100, 100)


def test_a_broken_one_is_passed_over(make_picture):
    good = make_picture("png", 16, 16)
    assert opened(picture([thumbnail(b"\x89PNG\r\n\x1a\n"), thumbnail(good, 16, 16)])).size == (16, 16)
    assert picture([thumbnail(b"\x89PNG\r\n\x1a\n")]) is None
    assert picture([]) is None


def png_of_zeros(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [2056, 12_000, 20_000, 100_000])
def test_a_decompression_bomb_is_not_decoded(side):
    bomb = png_of_zeros(side, min(side, 30_000))
    assert len(bomb) < 1_000_000
    assert picture([thumbnail(bomb)]) is None


def test_a_picture_of_the_largest_size_is_taken():
    assert opened(picture([thumbnail(png_of_zeros(2048, 2048))])).size == (SIDE_PX, SIDE_PX)


def test_too_many_bytes_are_not_looked_at(make_picture):
    assert picture([thumbnail(make_picture("png", 20, 20) + bytes(2 * 1024 * 1024))]) is None


def test_another_format_that_pillow_knows_is_not_opened():
    out = io.BytesIO()
    Image.new("RGB", (300, 300)).save(out, "TIFF")
    assert picture([thumbnail(out.getvalue())]) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage_gives_a_picture_or_none(make_picture, data):
    content = bytearray(make_picture(data.draw(st.sampled_from(["png", "jpg", "qoi"])), 24, 24))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    made = picture([thumbnail(bytes(content))])
    assert made is None or opened(made).format == "WEBP"
