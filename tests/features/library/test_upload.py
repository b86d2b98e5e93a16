"""Files over the browser's own form: kept whole and encrypted, or not at all."""

import io

import people
import pytest
from django.conf import settings

from glassbed.features.library import upload
from glassbed.features.library.models import File
from glassbed.foundation.purpose import purpose

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
JSON = {"Accept": "application/json"}
BOUNDARY = "----boundary"


@pytest.fixture
def person():
    return people.make_person()


@pytest.fixture
def browser(person):
    return people.browser_of(person)


def blobs():
    return {path for path in (settings.HOME / "blobs").rglob("*") if path.is_file()}


def named(name, content=people.GCODE):
    file = io.BytesIO(content)
    file.name = name
    return file


def send(browser, *files):
    return browser.post("/files/upload/", {"file": list(files)}, headers=JSON)


def body(*parts, ends=True):
    lines = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n'
        % (BOUNDARY.encode(), name, content)
        for name, content in parts
    )
    return lines + (b"--%s--\r\n" % BOUNDARY.encode() if ends else b"")


def send_raw(browser, content):
    return browser.generic(
        "POST",
        "/files/upload/",
        content,
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
        headers=JSON,
    )


@pytest.fixture
def nothing_kept(person):
    """Whatever the test sends leaves no row, no blob and no half of one."""
    before = blobs()
    yield
    assert blobs() == before
    with purpose("printing", person=person.pk):
        assert File.objects.count() == 0


def test_a_good_file_is_kept_encrypted_and_comes_back_whole(person, browser, samples):
    content = samples["PrusaSlicer"]
    before = blobs()
    response = send(browser, named("Cube.gcode", content))
    assert response.status_code == 201
    file_id = response.json()["id"]
    with purpose("printing", person=person.pk):
        row = File.objects.get()
    assert (str(row.pk), row.name, row.size_bytes) == (file_id, "Cube.gcode", len(content))
    assert (row.slicer, row.filament_type, row.layer_height_mm) == ("PrusaSlicer 2.7.1", "PLA", 0.15)
    new = blobs() - before
    assert len(new) == 2  # the file and its picture
    assert all(b"PrusaSlicer" not in path.read_bytes() for path in new)
    download = browser.get(f"/files/{file_id}/download")
    assert b"".join(download.streaming_content) == content
    assert 'filename="Cube.gcode"' in download["Content-Disposition"]
    picture = browser.get(f"/files/{file_id}/picture")
    assert (picture["Content-Type"], picture.content[:4]) == ("image/webp", b"RIFF")
    assert browser.get(response.json()["location"]).status_code == 200


def test_a_file_of_many_segments_comes_back_whole(browser):
    content = people.GCODE * 6000  # 4.6 MB
    response = send(browser, named("large.gcode", content))
    download = browser.get(f"/files/{response.json()['id']}/download")
    assert b"".join(download.streaming_content) == content


def test_a_removed_file_leaves_no_blob(person, browser, samples):
    before = blobs()
    response = send(browser, named("cube.gcode", samples["PrusaSlicer"]))
    assert browser.post(f"/files/{response.json()['id']}/remove/").status_code == 302
    assert blobs() == before


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("cube.stl", people.GCODE, "must end in .gcode"),
        ("cube.gcode", b"", "This file is empty"),
        ("cube.gcode", b"nothing that a printer knows\n", "There is no G-code command"),
        ("cube.gcode", b"PK\x03\x04" + b"x" * 100, "a 3MF or zip file"),
        ("cube.gcode", b"G28\n" + b"\0" * 100, "This file is damaged"),
        ("cube.gcode", b"G28\n" + b"X" * 100_000, "A line of this file is longer"),
    ],
)
def test_what_is_no_gcode_is_refused_in_words(browser, nothing_kept, name, content, sentence):
    response = send(browser, named(name, content))
    assert response.status_code == 422
    assert sentence in response.json()["error"]


def test_a_truncated_file_is_refused(browser, nothing_kept, samples):
    content = samples["PrusaSlicer"]
    response = send(browser, named("cube.gcode", content[:-30]))
    assert "cut short" in response.json()["error"]


def test_a_file_that_is_too_large_is_refused(browser, nothing_kept, monkeypatch):
    monkeypatch.setattr(upload, "limit_bytes", lambda: 100_000)
    response = send(browser, named("cube.gcode", people.GCODE * 1000))
    assert response.status_code == 422
    assert "larger than" in response.json()["error"]


def test_two_files_at_once_are_refused(browser, nothing_kept):
    response = send(browser, named("a.gcode"), named("b.gcode"))
    assert "Send one file at a time" in response.json()["error"]


def test_a_good_file_after_a_bad_one_is_refused_too(browser, nothing_kept):
    response = send(browser, named("a.gcode", b""), named("b.gcode"))
    assert response.status_code == 422


def test_no_file_at_all_is_told(browser, nothing_kept):
    response = browser.post("/files/upload/", {}, headers=JSON)
    assert "Choose a file first" in response.json()["error"]


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/cube.gcode",
        "..\\..\\cube.gcode",
        "/etc/cube.gcode",
        "C:\\cube.gcode",
        "..%2fcube.gcode",
        "con.gcode",
        "\u202ecube.gcode",
        ".gcode",
    ],
)
def test_a_name_is_never_a_path(person, browser, name):
    response = send_raw(browser, body((name.encode(), people.GCODE)))
    if response.status_code == 201:
        with purpose("printing", person=person.pk):
            kept = File.objects.get().name
        assert not set(kept) & {"/", "\\", "\u202e"}
        assert not kept.startswith(".")
    else:
        assert response.status_code == 422


def test_an_upload_that_breaks_off_stores_nothing(browser, nothing_kept):
    whole = body((b"cube.gcode", people.GCODE * 2000))
    for part in (len(whole) // 2, 200, 60):
        response = send_raw(browser, whole[:part])
        assert response.status_code < 500


def test_an_upload_whose_connection_breaks_stores_nothing(person, browser, nothing_kept):
    from django.http import UnreadablePostError

    class Broken(io.RawIOBase):
        """Gives half and then fails, as a socket does."""

        left = body((b"cube.gcode", people.GCODE * 5000))[:1_000_000]

        def readable(self):
            return True

        def read(self, size=-1):
            chunk, self.left = self.left[:65536], self.left[65536:]
            if not chunk:
                raise OSError("connection reset")
            return chunk

    from django.core.handlers.wsgi import WSGIRequest

    from glassbed.features.library.views import upload as view

    environ = browser._base_environ(
        PATH_INFO="/files/upload/",
        REQUEST_METHOD="POST",
        CONTENT_TYPE=f"multipart/form-data; boundary={BOUNDARY}",
        CONTENT_LENGTH="2000000",
    )
    request = WSGIRequest({**environ, "wsgi.input": Broken()})
    request.user, request._dont_enforce_csrf_checks = person, True
    with pytest.raises(UnreadablePostError):
        view(request)


def test_a_browser_without_scripts_gets_a_page(browser):
    response = browser.post("/files/upload/", {"file": named("cube.stl")}, follow=True)
    assert "must end in .gcode" in response.content.decode()


def test_the_form_needs_its_token(person, nothing_kept):
    browser = people.browser_of(person)
    browser.handler.enforce_csrf_checks = True
    assert send(browser, named("cube.gcode")).status_code == 403


def test_other_pages_take_no_file(browser, nothing_kept):
    browser.raise_request_exception = False
    assert browser.post("/settings/", {"file": named("cube.gcode")}).status_code < 500
