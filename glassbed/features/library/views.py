"""A person's files: list, upload, look, download, remove."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from glassbed.features.accounts.request import SignedIn
from glassbed.features.library import actions, queries
from glassbed.features.library.models import File
from glassbed.features.library.upload import EncryptedUpload, Received, limit_bytes, store, write_picture
from glassbed.foundation.blobs import blob_key
from glassbed.foundation.keys import data_key
from glassbed.foundation.purpose import for_purpose, purpose
from glassbed.protocol.errors import GlassbedError, NotFound

PAGE = 24


@for_purpose("printing")
@require_safe
def files(request: SignedIn) -> HttpResponseBase:
    page = Paginator(queries.files(), PAGE).get_page(request.GET.get("page"))
    return render(request, "library/files.html", {"page": page, "limit_bytes": limit_bytes()})


@csrf_exempt  # the token is in the body, which only `_receive` may read, after it set where the bytes go
@for_purpose("printing", opens=False)
@require_POST
def upload(request: SignedIn) -> HttpResponseBase:
    """Take a file: encrypted as it comes, checked as it passes, kept only when it is whole and good."""
    person = request.user.pk
    with purpose("printing", person=person):
        key = data_key(person)
    handler = EncryptedUpload(request, key)
    request.upload_handlers = [handler]
    try:
        return csrf_protect(_receive)(request, handler, key)
    finally:
        handler.close()


def _receive(request: SignedIn, handler: EncryptedUpload, key: bytes) -> HttpResponseBase:
    person = request.user.pk
    wants_json = "application/json" in request.headers.get("Accept", "")
    try:
        request.FILES.get("file")
        received = handler.keep()
    except GlassbedError as error:
        if wants_json:
            return JsonResponse({"error": error.said(_)}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        messages.error(request, error.said(_))
        return redirect("files")
    file = keep_received(received, person, key)
    location = _after_upload(request, file.pk)
    if wants_json:
        return JsonResponse({"location": location, "id": str(file.pk)}, status=HTTPStatus.CREATED)
    return redirect(location)


def keep_received(received: Received, person: UUID, key: bytes) -> File:
    """Write down a file whose blob is stored, with its picture; without the row, neither blob stays."""
    picture = write_picture(received.header, key)
    try:
        with purpose("printing", person=person):
            return actions.add_file(received, owner=person, picture=picture)
    except BaseException:
        for blob in filter(None, (received.blob_id, picture)):
            store().delete(blob)
        raise


def _after_upload(request: SignedIn, file_id: UUID) -> str:
    printer = request.GET.get("printer", "")
    try:
        return reverse("printer", args=[UUID(printer)]) + f"?file={file_id}"
    except ValueError:
        return reverse("file", args=[file_id])


@for_purpose("printing")
@require_POST
def remove(request: SignedIn, file_id: UUID) -> HttpResponseBase:
    file = queries.file(file_id)
    name = file.name
    actions.remove_file(file)
    messages.success(request, _("%(name)s is removed.") % {"name": name})
    return redirect("files")


@for_purpose("printing")
@require_safe
def picture(request: SignedIn, file_id: UUID) -> HttpResponseBase:
    """The file's thumbnail, as WebP."""
    file = queries.file(file_id)
    if file.thumbnail is None:
        raise NotFound
    blob = b"".join(store().read(file.thumbnail, blob_key(data_key(file.owner_id), file.thumbnail)))
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return HttpResponse(blob, content_type="image/webp", headers=headers)


@for_purpose("printing")
@require_safe
def download(request: SignedIn, file_id: UUID) -> HttpResponseBase:
    file = queries.file(file_id)
    return streamed(file.pk, file.name, file.size_bytes, data_key(file.owner_id))


def streamed(blob: UUID, name: str, size_bytes: int, key: bytes) -> StreamingHttpResponse:
    """Answer with a blob's plaintext. Ids and key are at hand before the stream starts; it asks nothing more."""
    headers: dict[str, Any] = {
        "Content-Length": str(size_bytes),
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or "attachment",
    }
    chunks = store().read(blob, blob_key(key, blob))
    return StreamingHttpResponse(chunks, content_type="text/x.gcode", headers=headers)
