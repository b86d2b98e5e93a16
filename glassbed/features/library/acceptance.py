"""Whether an uploaded file is G-code that a printer can be given, and under which name. Knows no Django.

Each refusal is an `Invalid` whose text says what is wrong and what to do; `glassbed/web/sentences.py` names
them all for translators. A doubtful file is accepted:
hand-written and post-processed G-code comes in every shape. For what a file says see `gcode`.
"""

import os
import re
import unicodedata
from typing import BinaryIO

from glassbed.features.library.gcode_comments import ends, ends_in_thumbnail
from glassbed.protocol.errors import Invalid

SIZE_LIMIT_BYTES = 1024**3
LINE_LIMIT_BYTES = 64 * 1024
COMMENT_LIMIT_BYTES = 2 * 1024 * 1024
"""Some slicers write a whole picture as one comment line."""
NAME_LIMIT = 120
_NAME_LIMIT_BYTES = 240  # of the 255 that file systems allow: printer hosts add to a name

_EMPTY = "This file is empty. Slice the model again and upload the new file."
_TOO_LARGE = (
    "This file has %(size)s and the limit is %(limit)s. Use a larger layer height or split the plate, or ask the "
    "operator for a higher limit."
)
_LONG_LINE = (
    "A line of this file is longer than %(limit)s, which no printer reads. Export it again as G-code text with "
    "line breaks."
)
_WRONG_NAME = "The name must end in .gcode, .gco or .g. Choose the file that the slicer exported."
_BGCODE = (
    "This is binary G-code (.bgcode), which not every printer host can read. Switch off “Supports binary "
    "G-code” in the printer settings of PrusaSlicer, export again and upload the .gcode file."
)
_TRUNCATED = "This file is cut short: its end is missing. Export it again and upload the whole file."
_DAMAGED = "This file is damaged: there are bytes in it that no text has. Export it again and upload that."


def check(file: BinaryIO, size_bytes: int, name: str, *, limit_bytes: int = SIZE_LIMIT_BYTES) -> None:
    """Raise `Invalid` unless this is G-code as text, by its name, its size, its head and its tail.

    What lies between is for `LineWatch`, as it passes.
    """
    safe_name(name)
    if size_bytes <= 0:
        raise Invalid(_EMPTY)
    if size_bytes > limit_bytes:
        raise Invalid(_TOO_LARGE, size=_megabytes(size_bytes), limit=_megabytes(limit_bytes))
    head, tail = ends(file, size_bytes)
    refuse_other_formats(head, size_bytes)
    if file.seek(0, os.SEEK_END) < size_bytes:
        raise Invalid(_TRUNCATED)
    for part in (head, tail):
        watch = LineWatch()
        watch.feed(part)
    _require_commands(head, tail)
    _refuse_truncated(head, tail or head)


class LineWatch:
    """Watches the bytes of an upload as they pass, in chunks of any size: no NUL, no endless line."""

    def __init__(self) -> None:
        self._open_bytes = 0  # of the line that goes on in the next chunk
        self._is_comment = False

    def feed(self, chunk: bytes) -> None:
        """Raise `Invalid` where `chunk` goes on with something that no G-code has."""
        if b"\0" in chunk:
            raise Invalid(_DAMAGED)
        start = 0
        while start < len(chunk):
            # Every line that begins and ends within this window is short enough: go on after the last of them.
            whole = chunk.rfind(b"\n", start, start + LINE_LIMIT_BYTES) if not self._open_bytes else -1
            start = whole + 1 if whole >= 0 else self._take_line(chunk, start)

    def _take_line(self, chunk: bytes, start: int) -> int:
        """Take a line, or the part of it that is there, and return where the next one starts."""
        if not self._open_bytes:
            self._is_comment = chunk[start] == ord(";")
        end = chunk.find(b"\n", start)
        self._open_bytes += (len(chunk) if end < 0 else end) - start
        if self._open_bytes > (COMMENT_LIMIT_BYTES if self._is_comment else LINE_LIMIT_BYTES):
            raise Invalid(_LONG_LINE, limit=f"{LINE_LIMIT_BYTES // 1024} kB")
        if end < 0:
            return len(chunk)
        self._open_bytes = 0
        return end + 1


# -- content ------------------------------------------------------------------------------------------------

_SLICE = "Open it in a slicer, slice it and upload the G-code file."
_EXPORT = "Export the plate as a plain .gcode file from the slicer and upload that."
_ENCODING = "This file is text in UTF-16. Save it as UTF-8 or plain text and upload it again."
_NOT_GCODE = "This is {what}, not G-code. {remedy}"
_STL = _NOT_GCODE.format(what="a model (STL)", remedy=_SLICE)
_FORMATS = (
    (rb"GCDE", _BGCODE),
    (rb"PK\x03\x04", _NOT_GCODE.format(what="a 3MF or zip file", remedy=_EXPORT)),
    (
        rb"\x1f\x8b",
        _NOT_GCODE.format(what="a compressed file", remedy="Unpack it and upload the .gcode file in it."),
    ),
    (rb"(?s)solid\b.{0,1000}?\bfacet\s+normal\b", _STL),
    (rb"xgcode 1\.0", _NOT_GCODE.format(what="a FlashPrint file (.gx)", remedy=_EXPORT)),
    (rb"ply\r?\n", _NOT_GCODE.format(what="a model (PLY)", remedy=_SLICE)),
    (
        rb"(?i)\s*<(?:!doctype|html|head|body|\?xml|svg)",
        _NOT_GCODE.format(what="a web page or XML", remedy=_EXPORT),
    ),
    (
        rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP|BM.{4}\0{4}|qoif",
        _NOT_GCODE.format(what="a picture", remedy="Choose the file that the slicer exported."),
    ),
    (rb"%PDF-", _NOT_GCODE.format(what="a PDF", remedy="Choose the file that the slicer exported.")),
    (rb"\xff\xfe|\xfe\xff", _ENCODING),
)
_STL_HEADER_BYTES = 84
_STL_TRIANGLE_BYTES = 50
_COMMAND = re.compile(rb"^[ \t]*(?:[Nn]\d{1,9}[ \t]*)?[GgMm][ \t]?\d", re.MULTILINE)
_UNPRINTABLE = bytes(range(1, 9)) + bytes(range(14, 27)) + bytes(range(28, 32)) + b"\x7f"
_UNPRINTABLE_RATIO = 0.01
_NO_COMMAND = (
    "There is no G-code command in this file, so a printer could do nothing with it. Choose the file that the "
    "slicer exported; its name ends in .gcode."
)


def refuse_other_formats(head: bytes, size_bytes: int = 0) -> None:
    """Raise `Invalid` with the name of what this is instead. A binary STL is known only with the whole size."""
    for pattern, message in _FORMATS:
        if re.match(pattern, head):
            raise Invalid(message)
    triangles = int.from_bytes(head[_STL_HEADER_BYTES - 4 : _STL_HEADER_BYTES], "little")
    if triangles and size_bytes == _STL_HEADER_BYTES + triangles * _STL_TRIANGLE_BYTES and b"\0" in head:
        raise Invalid(_STL)


def _require_commands(head: bytes, tail: bytes) -> None:
    odd_bytes = len(head) - len(head.translate(None, _UNPRINTABLE))
    if odd_bytes > len(head) * _UNPRINTABLE_RATIO:
        raise Invalid(_DAMAGED)
    if not (_COMMAND.search(head) or _COMMAND.search(tail)):
        raise Invalid(_NO_COMMAND)


# What a slicer writes last of all, in every version that begins with the first. PrusaSlicer does since 2.4.
_LAST_MARKS = (
    (b"; EXECUTABLE_BLOCK_START", b"; EXECUTABLE_BLOCK_END"),  # OrcaSlicer, BambuStudio
    (b";Generated with Cura_SteamEngine", b";End of Gcode"),
    (b"; G-Code generated by Simplify3D(R) Version 4", b"; Build Summary"),
    *((b"; generated by PrusaSlicer 2.%d" % minor, b"; prusaslicer_config = end") for minor in range(4, 10)),
)
_SETTINGS = (
    (b"; prusaslicer_config = begin", b"; prusaslicer_config = end"),
    (b"; SuperSlicer_config = begin", b"; SuperSlicer_config = end"),
    (b"; CONFIG_BLOCK_START", b"; CONFIG_BLOCK_END"),  # OrcaSlicer; in BambuStudio's head
)


def _refuse_truncated(head: bytes, end: bytes) -> None:
    """Refuse a file that breaks off where its slicer never stops; any other end may be meant."""
    stops_within_line = not end.endswith(b"\n")
    lacks_last_mark = any(_has(first, head) and not _has(last, end) for first, last in _LAST_MARKS)
    breaks_off_in_settings = any(_has(begin, end) and not _has(done, end) for begin, done in _SETTINGS)
    if (stops_within_line and lacks_last_mark) or breaks_off_in_settings or ends_in_thumbnail(end):
        raise Invalid(_TRUNCATED)


def _has(mark: bytes, text: bytes) -> bool:
    """Tell whether a line begins with `mark`."""
    return text.startswith(mark) or b"\n" + mark in text


# -- name ---------------------------------------------------------------------------------------------------

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(?=\.|$)")
_EXTENSION = re.compile(r"(?i)(.*)(\.(?:gcode|gco|g))")


def safe_name(name: str) -> str:
    """Return a bare file name that is the same on every system: printable, NFC, at most 120 characters.

    Raises `Invalid` for another extension than .gcode, .gco or .g.
    """
    bare = _shown(re.split(r"[/\\]", name)[-1])
    if bare.lower().endswith(".bgcode"):
        raise Invalid(_BGCODE)
    parts = _EXTENSION.fullmatch(bare)
    if parts is None:
        raise Invalid(_WRONG_NAME)
    extension = parts[2].lower()
    stem = _fitted(parts[1].lstrip(".- "), len(extension))
    if _RESERVED.match(stem):
        stem = _fitted("_" + stem, len(extension))
    return (stem or "print") + extension


def _shown(text: str) -> str:
    """Leave out what can't be seen or changes how the rest is read; replace what some systems refuse."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    visible = "".join(character for character in spaced if unicodedata.category(character)[0] != "C")
    return re.sub(r'[<>:"|?*]', "_", " ".join(unicodedata.normalize("NFC", visible).split()))


def _fitted(stem: str, taken: int) -> str:
    """Cut to what the extension leaves, without an end that Windows drops."""
    encoded = stem[: NAME_LIMIT - taken].encode()[: _NAME_LIMIT_BYTES - taken]
    return encoded.decode(errors="ignore").rstrip(".- ")


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"
