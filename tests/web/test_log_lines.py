"""What the operator finds in the log when a page failed: where, on which page, for which purpose and table."""

import json
import logging

import people
import pytest
from django.conf import settings

from glassbed.features.library import queries
from glassbed.features.library.models import File
from glassbed.foundation.log import Lines
from glassbed.foundation.models import Mail

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def line(monkeypatch, caplog):
    """Open the list of files where it asks for `rows`; return the line of that name as it is written."""

    def fail(rows, logger):
        monkeypatch.setattr(queries, "files", lambda: rows)
        browser = people.browser_of(people.make_person())
        browser.raise_request_exception = False
        browser.get("/files/")
        (record,) = [r for r in caplog.records if r.name == logger and r.levelno >= logging.WARNING]
        return json.loads(Lines().format(record))

    return fail


def test_an_error_of_the_database_names_the_view_and_the_page(line):
    found = line(File.objects.extra(where=["no_such_column = 1"]).order_by("pk"), "django.request")
    assert (found["error"], found["route"]) == ("ProgrammingError", "files")
    places = found["where"].split(" < ")
    assert any(place.startswith("library/views.py:") and place.endswith(" files") for place in places)
    assert places[0].startswith("psycopg/cursor.py:")  # and the last step of who found it


def test_what_the_policy_refused_names_purpose_and_table(line):
    found = line(Mail.objects.order_by("created_at"), "glassbed.web.middleware")
    assert {key: found[key] for key in ("event", "route", "purpose", "table")} == {
        "event": "policy_refused",
        "route": "files",
        "purpose": "printing",
        "table": "foundation_mail",
    }


def test_the_house_declares_what_such_a_line_has():
    assert {"route", "purpose", "table"} <= settings.GLASSBED_PACK.log.fields.keys()
