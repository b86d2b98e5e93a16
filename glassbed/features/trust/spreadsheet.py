"""A workbook of one sheet of texts, as Office Open XML (ECMA-376): the few parts that every reader asks for."""

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NAME_LENGTH = 31
"""Of a sheet, at most."""
CELL_LENGTH = 32_767
"""Of a text in a cell, at most."""

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_TYPES = (
    f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{MEDIA_TYPE}.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
    '<Override PartName="/xl/styles.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>'
)
_RELATIONS = f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
_ROOT = f'{_RELATIONS}<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
_PARTS = (
    f'{_RELATIONS}<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
)
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf xfId="0"/>'
    '<xf xfId="0" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")
"""Characters that XML 1.0 has no form for."""


def workbook(name: str, lines: Iterable[Iterable[str]]) -> bytes:
    """Return the file's bytes; the same lines give the same bytes."""
    title = re.sub(r"[][:*?/\\]", " ", _clean(name))[:NAME_LENGTH]
    book = (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        f'<sheet name={quoteattr(title)} sheetId="1" r:id="r1"/></sheets></workbook>'
    )
    sheet = (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetFormatPr defaultRowHeight="15"/>'
        f'<cols><col min="1" max="30" width="36" customWidth="1"/></cols>'
        f"<sheetData>{''.join(_rows(lines))}</sheetData></worksheet>"
    )
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _ROOT,
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": _PARTS,
        "xl/styles.xml": _STYLES,
        "xl/worksheets/sheet1.xml": sheet,
    }
    target = BytesIO()
    with ZipFile(target, "w") as archive:
        for path, content in parts.items():
            archive.writestr(ZipInfo(path), content.encode(), compress_type=ZIP_DEFLATED)
    return target.getvalue()


def _rows(lines: Iterable[Iterable[str]]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        cells = "".join(
            f'<c r="{_column(position)}{number}" s="1" t="inlineStr"><is><t xml:space="preserve">'
            f"{escape(_clean(text)[:CELL_LENGTH])}</t></is></c>"
            for position, text in enumerate(line)
        )
        yield f'<row r="{number}">{cells}</row>'


def _column(position: int) -> str:
    """Return A for 0, Z for 25, AA for 26."""
    higher, rest = divmod(position, 26)
    return (_column(higher - 1) if higher else "") + chr(ord("A") + rest)


def _clean(text: str) -> str:
    return _REFUSED.sub("", text)
