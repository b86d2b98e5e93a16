"""A person's file on its way to the browser: kept by nothing between, and its length known."""

import gzip

import people
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def person():
    return people.make_person()


def download(person, **headers):
    file = people.make_file(person)
    return file, people.browser_of(person).get(f"/files/{file.pk}/download", headers=headers)


def test_a_download_is_stored_by_no_cache(person):
    _file, response = download(person)
    assert response["Cache-Control"] == "no-store"


def test_a_download_says_its_length_and_is_not_packed_again(person):
    file, response = download(person, accept_encoding="gzip")
    assert response["Content-Length"] == str(file.size_bytes)
    assert "Content-Encoding" not in response
    assert b"".join(response.streaming_content) == people.GCODE


def test_pages_are_still_packed(person):
    response = people.browser_of(person).get("/privacy/", headers={"accept-encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert b"<html" in gzip.decompress(response.content)
