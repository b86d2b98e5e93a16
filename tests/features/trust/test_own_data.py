"""What one sees of one's own data: all of it, nothing of others', and what happened to it."""

import ast
import re

import people
import pytest
from django.conf import settings
from django.utils import timezone, translation

from glassbed.features.trust.own_data import _bound
from glassbed.features.trust.own_words import COLUMNS, KINDS, NOTED, TABLES
from glassbed.foundation import gate
from glassbed.foundation.bindings import bindings
from glassbed.foundation.instance import Instance
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Bound, Level
from glassbed.policy.program import PURPOSES

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def ada():
    person = people.make_person(name="Ada Example")
    bed = people.make_printer(person, name="Ada's shelf")
    people.make_print(bed, person, people.make_file(person))
    return person


def page(person, path="/privacy/data/", **headers):
    answer = people.browser_of(person).get(path, **headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_table_that_names_its_person_is_on_the_page():
    shown = {binding for binding, _ in _bound()}
    for table, binding in bindings().items():
        if isinstance(binding, Bound) and any(p.via is None for p in binding.person):
            assert binding in shown or binding.category not in PURPOSES["own_data"].reads, table


@pytest.mark.promise("BL-30")
def test_one_sees_each_field_that_is_held_with_why_and_how_long(ada):
    text = page(ada)
    for word in ("Ada Example", "Ada&#x27;s shelf", "cube.gcode", people.address(ada)):
        assert word in text
    for activity in ("Print and watch", "Your rights"):
        assert activity in text
    assert "Kept until you remove it." in text
    assert "Removed 30 days after the last use." in text


def test_what_is_withheld_is_named_and_not_shown(ada):
    text = page(ada)
    assert "Password<span" in text
    assert ada.password not in text


def test_a_mail_is_listed_without_its_text_which_may_prove_an_address(ada):
    with purpose("mailing"):
        Mail.objects.create(
            person_id=ada.pk, to="x@y.example", subject="A code", text="Q7X-3PK", created_at=timezone.now()
        )
    text = page(ada)
    assert "Mail: A code" in text
    assert "Text<span" in text
    assert "Q7X-3PK" not in text


def test_every_table_and_column_has_a_word():
    for binding, model in _bound():
        assert model._meta.db_table in TABLES
        columns = {field.attname for field in model._meta.concrete_fields} | set(binding.confidential)
        assert columns - COLUMNS.keys() == set(), model


def test_every_kind_of_note_about_a_person_has_a_word_and_so_has_what_it_names():
    kinds, names = set(), set()
    for call in _notes():
        person = next(keyword.value for keyword in call.keywords if keyword.arg == "person")
        if isinstance(person, ast.Constant):
            continue
        kinds.add(ast.literal_eval(call.args[0]))
        names |= {keyword.arg for keyword in call.keywords if keyword.arg}
    assert {"decided", "disclosed", "printer_bound"} <= kinds
    assert kinds - KINDS.keys() == set()
    assert names - NOTED.keys() == {"person", "way", "to", "categories"}  # the page shows these by themselves


def _notes():
    for path in Instance.package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"note", "ledger.note"}:
                yield node


def test_values_are_said_in_words(ada):
    text = page(ada)
    facts = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", text)
    assert {
        ("Runs this Glassbed", "No"),
        ("Verified", "Yes"),
        ("Units", "Celsius, millimetres"),
        ("Printer", "Ada&#x27;s shelf"),
        ("Person", "you yourself"),
    } <= set(facts)
    assert not {value for _, value in facts} & {"True", "False", "metric"}
    with translation.override("de"):
        german = page(ada, HTTP_ACCEPT_LANGUAGE="de")
    assert "<dt>Betreibt dieses Glassbed</dt><dd>Nein</dd>" in german


def test_the_timeline_says_what_happened_and_with_what(ada):
    text = page(ada, "/privacy/data/happenings/")
    assert "Print: cube.gcode" in text
    for raw in ("disclosed", "printer_bound", "account_opened", "jobs_print"):
        assert f">{raw}<" not in text


def test_one_sees_nothing_of_others_not_even_of_guests_on_ones_printer(ada):
    guest = people.make_person(name="Grace Guest")
    bed = people.make_printer(ada, name="Shared")
    people.share(bed, guest, Level.OPERATOR)
    people.make_print(bed, guest, people.make_file(guest, b"; secret cube\nG28\n" + b"G1 X1 E1\n" * 50))
    text = page(ada)
    assert "Grace" not in text
    assert "secret" not in text


@pytest.mark.promise("GB-03", part="reads by others and bulk runs")
def test_what_is_collected_and_disclosed_appears_by_itself_with_category_recipient_and_time(ada):
    before = page(ada, "/privacy/data/happenings/?kind=disclosed", HTTP_HX_REQUEST="true")
    assert "The mail server" not in before
    with purpose("mailing"):
        gate.record("mail", dict.fromkeys(("to", "subject", "text"), ""), person=ada.pk, mail="77")
    after = page(ada, "/privacy/data/happenings/?kind=disclosed", HTTP_HX_REQUEST="true")
    assert settings.GLASSBED_PACK.parties["mail_server"].name in after
    assert settings.GLASSBED_PACK.categories["mail"].title in after
    assert "Mail: 77" in after
    collected = page(ada, "/privacy/data/happenings/")
    assert "Collected" in collected
    assert settings.GLASSBED_PACK.categories["print"].title in collected
    assert "<html" not in after


def test_looking_at_ones_own_data_leaves_no_trace_of_it(ada):
    page(ada)
    assert "own_data" not in page(ada, "/privacy/data/happenings/")
