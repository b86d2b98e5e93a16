"""The record of processing as files: for a sheet, for a program, for an authority."""

import csv
from io import StringIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from glassbed.features.trust import hub
from glassbed.features.trust.spreadsheet import MEDIA_TYPE, workbook
from glassbed.foundation.purpose import for_purpose
from glassbed.policy import record as making

FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet would calculate in place of showing it."""


def _record() -> making.Record:
    return making.record(hub.reader(), hub.digest())


def _attached(response: HttpResponse, suffix: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="record-of-processing.{suffix}"'
    return response


@for_purpose("no_data", signed_in=False)
@require_safe
def as_csv(request: HttpRequest) -> HttpResponseBase:
    """UTF-8 with a mark at its start, without which Excel reads it as Latin-1."""
    sheet = StringIO()
    csv.writer(sheet).writerows(
        [f"'{cell}" if cell.startswith(FORMULA) else cell for cell in line]
        for line in making.table(_record())
    )
    return _attached(
        HttpResponse(sheet.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8"), "csv"
    )


@for_purpose("no_data", signed_in=False)
@require_safe
def as_xlsx(request: HttpRequest) -> HttpResponseBase:
    content = workbook(_("Record of processing"), making.table(_record()))
    return _attached(HttpResponse(content, content_type=MEDIA_TYPE), "xlsx")


@for_purpose("no_data", signed_in=False)
@require_safe
def as_json(request: HttpRequest) -> HttpResponseBase:
    return _attached(JsonResponse(making.tree(_record()), json_dumps_params={"indent": 2}), "json")
