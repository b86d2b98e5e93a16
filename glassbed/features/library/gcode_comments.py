"""The ends of a G-code file and the comments in them, whichever slicer wrote them. Knows no Django."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

HEAD_BYTES = 512 * 1024
HEAD_LIMIT_BYTES = 4 * 1024 * 1024
"""To which the head grows while a thumbnail goes on."""
TAIL_BYTES = 256 * 1024

_THUMBNAILS_LIMIT = 16
_THUMBNAIL_SIDE_LIMIT_PX = 4096
_LARGEST = 1e9
_LINE_LIMIT_BYTES = 4096
_OPENING_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A picture as the slicer embedded it: not decoded, not to be trusted, see `thumbnails`."""

    format: str  # "png", "jpg" or "qoi", by its first bytes
    width: int
    height: int
    data: bytes


@dataclass(slots=True)
class Comments:
    """Key and value of the comment lines, keys in lower case; thumbnails taken out."""

    first: dict[str, str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    thumbnails: list[Thumbnail] = field(default_factory=list)
    opening: list[str] = field(default_factory=list)  # the first comment lines as they are
    is_open: bool = False  # a thumbnail goes on where the text ends

    def text(self, *keys: str) -> str | None:
        """Return the first value that is there and not empty."""
        return next((value for key in keys if (value := self.first.get(key))), None)

    def number(self, *keys: str) -> float | None:
        """Return the first number above 0; of a list, its first entry."""
        return next(
            (found for key in keys for found in numbers(self.first.get(key, ""))[:1] if found > 0), None
        )

    def total(self, *keys: str) -> float | None:
        """Return the first sum above 0 of a list, one entry an extruder."""
        return next((found for key in keys if (found := sum_of(self.first.get(key, ""))) is not None), None)


def ends(file: BinaryIO, size_bytes: int) -> tuple[bytes, bytes]:
    """Return head and tail in whole lines; the tail is empty where the head is the whole file.

    The head grows up to `HEAD_LIMIT_BYTES` until a thumbnail in it is complete.
    """
    file.seek(0)
    head = file.read(min(HEAD_BYTES, size_bytes))
    while len(head) < min(size_bytes, HEAD_LIMIT_BYTES) and ends_in_thumbnail(head):
        more = file.read(min(len(head), size_bytes - len(head), HEAD_LIMIT_BYTES - len(head)))
        if not more:
            break
        head += more
    rest_bytes = max(size_bytes - len(head), 0)
    file.seek(len(head) + max(rest_bytes - TAIL_BYTES, 0))
    tail = file.read(min(rest_bytes, TAIL_BYTES))
    if rest_bytes <= TAIL_BYTES:
        return head + tail, b""
    return head[: head.rfind(b"\n") + 1], tail[tail.find(b"\n") + 1 :]


def ends_in_thumbnail(head: bytes) -> bool:
    """Tell whether a thumbnail has begun and not ended."""
    begin = head.rfind(b" begin ")
    return begin >= 0 and comments_of(head[head.rfind(b"\n", 0, begin) + 1 :]).is_open


# After the semicolon. PrusaSlicer `; thumbnail_JPG begin 16x16 668`, Creality `; png begin 300*300 9000 3 197 500`
_BLOCK_BEGIN = re.compile(rb" ?(?:thumbnail(?:_\w{3})?|png|jpg|qoi) begin (\d{1,5})[x*](\d{1,5}) \d+")
_BLOCK_END = re.compile(rb" ?(?:thumbnail(?:_\w{3})?|png|jpg|qoi) end")
_PAIR = re.compile(r"([^=:,]{1,80})(?:[=:]|,(?=\S))(.*)")  # `key = value`, `key: value`, `key,value`
_MAGICS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"qoif": "qoi"}


def comments_of(*texts: bytes) -> Comments:
    """Collect comments and thumbnails."""
    comments = Comments()
    lines = (line for text in texts for line in _comment_lines(text))
    for line, is_followed in lines:
        if begin := _BLOCK_BEGIN.match(line):
            if not is_followed:
                _take_thumbnail(comments, begin, lines)
            continue
        text = line[:_LINE_LIMIT_BYTES].decode("utf-8", errors="replace").strip()
        if len(comments.opening) < _OPENING_LINES:
            comments.opening.append(text)
        if pair := _PAIR.match(text):
            key, value = pair[1].strip().lower(), pair[2].strip()
            comments.first.setdefault(key, value)
            comments.last[key] = value
    return comments


def _comment_lines(text: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield comment lines without semicolon, and whether commands stand before the next one.

    Splitting at the comments alone spares the moves, which are nearly all of a file.
    """
    for part in (b"\n" + text).split(b"\n;")[1:]:
        line, _, between = part.partition(b"\n")
        yield line, bool(between.strip())


def _take_thumbnail(comments: Comments, begin: re.Match[bytes], lines: Iterator[tuple[bytes, bool]]) -> None:
    rows: list[bytes] = []
    for line, is_followed in lines:
        if _BLOCK_END.match(line):
            break
        if is_followed:  # a command within the picture: it is broken
            return
        rows.append(line.strip())
    else:
        comments.is_open = True
        return
    thumbnail = _thumbnail(int(begin[1]), int(begin[2]), b"".join(rows))
    if thumbnail is not None and len(comments.thumbnails) < _THUMBNAILS_LIMIT:
        comments.thumbnails.append(thumbnail)


def _thumbnail(width: int, height: int, encoded: bytes) -> Thumbnail | None:
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    kind = next((kind for magic, kind in _MAGICS.items() if data.startswith(magic)), None)
    if kind is None or not (0 < width <= _THUMBNAIL_SIDE_LIMIT_PX and 0 < height <= _THUMBNAIL_SIDE_LIMIT_PX):
        return None
    return Thumbnail(format=kind, width=width, height=height, data=data)


_NUMBER = re.compile(r"(?<![\w.])-?\d{1,12}(?:\.\d{1,12})?")


def numbers(text: str) -> list[float]:
    """Return the plain numbers in a text, sane ones only."""
    found = (float(number) for number in _NUMBER.findall(text))
    return [number for number in found if abs(number) <= _LARGEST]


def sum_of(text: str) -> float | None:
    """Return the sum of the numbers above 0, None without any."""
    total = sum(number for number in numbers(text) if number > 0)
    return total if 0 < total <= _LARGEST else None
