"""Pictures out of G-code files, decoded and made anew, so that nothing a stranger wrote reaches a browser.

Knows no Django.
"""

import io
import struct
import zlib
from collections.abc import Iterable

from PIL import Image, UnidentifiedImageError

from glassbed.features.library.gcode_comments import Thumbnail

SIDE_PX = 512
"""Of the result at most; a printer page shows 256 at twice the density."""
_PIXELS_LIMIT = 2048 * 2048
_DATA_LIMIT_BYTES = 2 * 1024 * 1024
_ENOUGH_PX = 200
_FORMATS = ("PNG", "JPEG", "QOI")
_BROKEN = (
    *(UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning),
    *(
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        LookupError,
        TypeError,
        OverflowError,
        struct.error,
        zlib.error,
    ),
)
"""What Pillow's decoders raise on broken pictures; they make no promise of their own."""


def picture(thumbnails: Iterable[Thumbnail]) -> bytes | None:
    """Return the best of a file's thumbnails as WebP, None where none can be used."""
    return next((made for thumbnail in sorted(thumbnails, key=_rank) if (made := _remade(thumbnail))), None)


def _rank(thumbnail: Thumbnail) -> tuple[bool, int]:
    """Order: the smallest one that is large enough to show, then the larger of the small ones."""
    is_small = min(thumbnail.width, thumbnail.height) < _ENOUGH_PX
    pixels = thumbnail.width * thumbnail.height
    return is_small, -pixels if is_small else pixels


def _remade(thumbnail: Thumbnail) -> bytes | None:
    if len(thumbnail.data) > _DATA_LIMIT_BYTES:
        return None
    try:
        with Image.open(io.BytesIO(thumbnail.data), formats=_FORMATS) as probe:
            if probe.width * probe.height > _PIXELS_LIMIT:  # before a pixel is decoded
                return None
            probe.verify()
        with Image.open(io.BytesIO(thumbnail.data), formats=_FORMATS) as image:
            return _encoded(image.convert("RGBA"))
    except _BROKEN:
        return None


def _encoded(image: Image.Image) -> bytes:
    """Encode the pixels alone: nothing else is taken over unless it is named here."""
    image.thumbnail((SIDE_PX, SIDE_PX))
    out = io.BytesIO()
    image.save(out, "WEBP", quality=85, method=4)
    return out.getvalue()
