import gettext
import importlib.util
import re
import subprocess
from io import BytesIO
from pathlib import Path

import pytest

from glassbed.protocol import errors
from glassbed.web import sentences

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "glassbed" / "web" / "locale"
LANGUAGES = ("de", "zh_Hans")
PLACE = re.compile(r"%\(\w+\)(?:\.2f|[sd])|\{\w+\}")


def load_tool():
    spec = importlib.util.spec_from_file_location("assets_tool", ROOT / "tools" / "assets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def source(language):
    return (LOCALE / language / "LC_MESSAGES" / "django.po").read_text(encoding="utf-8")


def catalogue(language):
    return load_tool().read_catalogue(source(language))


def opened(language):
    return gettext.GNUTranslations(BytesIO(load_tool().compiled(catalogue(language))))


def templates():
    for path in (ROOT / "glassbed").rglob("*"):
        if path.suffix in {".html", ".txt"} and "templates" in path.parts:
            yield path


def test_both_languages_hold_the_same_messages():
    first, second = (set(catalogue(language)) for language in LANGUAGES)
    assert first == second


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_untranslated_fuzzy_or_obsolete(language):
    text = source(language)
    assert re.search(r"^#,.*fuzzy", text, re.MULTILINE) is None
    assert "#~" not in text
    assert len(catalogue(language)) == len(re.findall(r"^msgid ", text, re.MULTILINE))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_of_a_template_has_its_translation(language):
    known = {re.sub(r"\0.*", "", key.rpartition("\x04")[2], flags=re.DOTALL) for key in catalogue(language)}
    said = set()
    for path in templates():
        for single, double in re.findall(r"""{%\s*translate\s+(?:'([^']*)'|"([^"]*)")""", path.read_text()):
            said.add(single or double)
    assert len(said) > 200
    assert said - known == set()


def errors_for_people():
    """All of `protocol.errors` but the one that ends a socket, which nobody reads."""
    kinds = [errors.GlassbedError, *errors.GlassbedError.__subclasses__()]
    return {
        kind for kind in kinds if kind is not errors.ProtocolViolation and kind.__module__ == errors.__name__
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_speaks_the_language(language):
    assert len(errors_for_people()) > 5
    assert [kind for kind in errors_for_people() if kind.__doc__ not in catalogue(language)] == []


def test_what_translators_find_is_what_the_errors_say():
    assert sorted(sentences.SENTENCES) == sorted(kind.__doc__ for kind in errors_for_people())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_every_place_holder(language):
    for key, text in catalogue(language).items():
        for form in text.split("\0"):
            assert sorted(PLACE.findall(form)) == sorted(PLACE.findall(key.split("\0")[0])), key


def test_what_is_compiled_is_what_gettext_reads():
    german = opened("de")
    assert german.gettext("Printing now") == "Druckt gerade"
    assert german.pgettext("noun", "Print") == "Druck"
    assert german.ngettext("%(n)s print", "%(n)s prints", 2) == "%(n)s Drucke"
    assert opened("zh_Hans").gettext("Printers") == "打印机"


def test_gettexts_own_compiler_agrees(tmp_path):
    target = tmp_path / "django.mo"
    try:
        subprocess.run(
            ["msgfmt", "-o", str(target), str(LOCALE / "de" / "LC_MESSAGES" / "django.po")], check=True
        )
    except FileNotFoundError:
        pytest.skip("msgfmt is not on this machine")
    theirs = gettext.GNUTranslations(BytesIO(target.read_bytes()))
    assert theirs._catalog == opened("de")._catalog


def test_a_fuzzy_or_empty_translation_is_left_out():
    read = load_tool().read_catalogue
    assert read('#, fuzzy\nmsgid "a"\nmsgstr "b"\n\nmsgid "c"\nmsgstr ""\n\nmsgid "d"\nmsgstr "e"\n') == {
        "d": "e"
    }
