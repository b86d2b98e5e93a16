"""What files are refused for, and what bridges and printer hosts say no with, in the person's language."""

import ast
import re

import people
import pytest
from features.on_the_bus import ConnectedBridge
from web.test_catalogues import LANGUAGES, ROOT, catalogue

from glassbed.drivers import interface
from glassbed.features.library import acceptance
from glassbed.features.library.acceptance import _FORMATS, _STL
from glassbed.features.library.upload import MEBIBYTE
from glassbed.protocol.errors import Invalid
from glassbed.protocol.messages import Outcome
from glassbed.protocol.reading import State
from glassbed.web import sentences

PRINTER_SIDE = [
    *(ROOT / "glassbed" / "bridge" / f"{name}.py" for name in ("dispatch", "leases", "bindings", "orders")),
    *(ROOT / "glassbed" / "bridge" / f"{name}.py" for name in ("station", "transfer", "prints")),
    *(ROOT / "glassbed" / "drivers").rglob("*.py"),
]


def tree(path):
    return ast.parse(path.read_text())


def sentences_in(path):
    """Whole sentences that are values: no docstrings, no comments, no parts of what is put together."""
    parsed = tree(path)
    said = {id(node.value) for node in ast.walk(parsed) if isinstance(node, ast.Expr)}
    said |= {id(part) for node in ast.walk(parsed) if isinstance(node, ast.JoinedStr) for part in node.values}
    texts = (n.value for n in ast.walk(parsed) if isinstance(n, ast.Constant) and id(n) not in said)
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"[A-Z].* .*\.", text)}


def refusals():
    """Arguments of every `Invalid` in `acceptance`: names of sentences, and `message` for those of `_FORMATS`."""
    calls = (node for node in ast.walk(tree(ROOT / "glassbed/features/library/acceptance.py")))
    raised = {
        node.args[0].id
        for node in calls
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Invalid"
    }
    assert "message" in raised
    return {getattr(acceptance, name) for name in raised - {"message"}} | {message for _, message in _FORMATS}


def test_translators_find_every_refusal_of_a_file():
    assert set(sentences.REFUSALS) == refusals()
    assert _STL in refusals()


def test_translators_find_every_reason_that_a_bridge_returns():
    assert sorted(set(sentences.OF_BRIDGES)) == sorted(sentences.OF_BRIDGES)
    found = set().union(*map(sentences_in, PRINTER_SIDE))
    assert len(found) > 30
    assert found - set(sentences.OF_BRIDGES) == set()
    for kind in (interface.HostError, *interface.HostError.__subclasses__()):
        assert kind.__doc__ in sentences.OF_BRIDGES
    assert {f"The printer is {state} by now. The command was not carried out." for state in State} <= set(
        sentences.OF_BRIDGES
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_translation(language):
    known = catalogue(language)
    assert [text for text in (*sentences.REFUSALS, *sentences.OF_BRIDGES) if text not in known] == []


def test_a_message_is_translated_before_its_values_are_put_in():
    error = Invalid("at most %(limit)s, 100 % sure", limit="3 MB")
    assert Invalid("100 % sure").said(str.upper) == "100 % SURE"
    assert (
        Invalid("at most %(limit)s", limit="3 mb").said(lambda text: text.replace("at most", "MAX"))
        == "MAX 3 mb"
    )
    assert str(Invalid()) == Invalid.__doc__
    assert error.values == {"limit": "3 MB"}


# -- as people see them ----------------------------------------------------------------------------------------

GERMAN = {"Accept-Language": "de"}


@pytest.fixture
def owner(servers):
    return people.make_person()


def upload(owner, name, content, **headers):
    from django.core.files.uploadedfile import SimpleUploadedFile

    form = {"file": SimpleUploadedFile(name, content)}
    return people.browser_of(owner).post("/files/upload/", form, headers=GERMAN | headers, follow=True)


@pytest.mark.integration
def test_a_file_is_refused_in_the_language_of_the_page(owner):
    assert (
        "Das ist ein Bild, kein G-Code." in upload(owner, "a.gcode", b"\x89PNG" + b"x" * 99).content.decode()
    )
    answer = upload(owner, "a.png", people.GCODE, Accept="application/json")
    assert answer.json()["error"].startswith("Der Name muss auf .gcode")


@pytest.mark.integration
def test_a_refusal_with_a_size_is_translated_around_it(owner):
    answer = upload(owner, "a.gcode", b"G1 " + b"X" * (3 * MEBIBYTE), Accept="application/json")
    assert "ist länger als 64 kB; das liest kein Drucker." in answer.json()["error"]


@pytest.mark.integration
def test_what_a_bridge_says_no_with_is_shown_in_the_language_of_the_page(owner):
    printer = people.make_printer(owner)
    browser = people.browser_of(owner)
    reason = "The printer is paused by now. The command was not carried out."
    with ConnectedBridge(printer.bridge_id, Outcome.REFUSED, reason=reason):
        refused = browser.post(f"/printers/{printer.pk}/control/pause/", headers=GERMAN)
    assert "Der Drucker ist inzwischen angehalten." in refused.content.decode()
    assert (
        "Der Drucker ist inzwischen angehalten."
        in browser.get(f"/printers/{printer.pk}/", headers=GERMAN).content.decode()
    )
    assert reason in browser.get(f"/printers/{printer.pk}/").content.decode()


@pytest.mark.integration
def test_a_hosts_own_words_are_shown_as_they_are(owner):
    printer = people.make_printer(owner)
    words = "Bett <zu> 100 % heiß %(limit)s"
    with ConnectedBridge(printer.bridge_id, Outcome.FAILED, reason=words):
        page = people.browser_of(owner).post(f"/printers/{printer.pk}/control/pause/", headers=GERMAN)
    shown = "Bett &lt;zu&gt; 100 % heiß %(limit)s"
    assert shown in page.content.decode()
    assert shown in people.browser_of(owner).get(f"/printers/{printer.pk}/").content.decode()
