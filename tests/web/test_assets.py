import importlib.util
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from glassbed.protocol.reading import State

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(path for path in (ROOT / "glassbed").rglob("*.html") if "templates" in path.parts)
COTTON = ROOT / "glassbed" / "web" / "templates" / "cotton"
DESIGN = ROOT / "glassbed" / "web" / "templates" / "design"
ISLANDS = ROOT / "glassbed" / "web" / "assets" / "ts"
HTML_ALLOWANCE_BYTES = 15_000
"""For the page itself, compressed."""

READ_ALOUD = {"alt", "aria-label", "title", "label", "placeholder", "subtitle", "text", "hint", "back_label"}
NAMES = {"Glassbed", "mm"}
CODE = {"code", "kbd", "pre", "c-copy"}
STYLED = {"c-time", "c-vars"}
"""Where `style` is a component's own word and never reaches the page."""
LETTERS = re.compile(r"[^\W\d_]{2,}")


def load_tool():
    spec = importlib.util.spec_from_file_location("assets_tool", ROOT / "tools" / "assets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def assets():
    tool = load_tool()
    tool.main([])
    return tool


def named(path):
    return str(path.relative_to(ROOT))


def imported_by(built, name, *, dynamic):
    """Modules that the browser fetches for this one."""
    pattern = r'import\("\./([\w.]+)"\)' if dynamic else r'(?:from|import) ?"\./([\w.]+)"'
    return set(re.findall(pattern, (built / name).read_text()))


def closure(built, *names):
    found, ahead = set(), list(names)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(imported_by(built, name, dynamic=False))
    return found


PICTURE_BYTES = (ROOT / "glassbed" / "web" / "static" / "design" / "part-vase.webp").stat().st_size


def first_page(assets):
    scripts = closure(assets.BUILT, "main.js")
    return scripts | {"theme.js", "htmx.js", "app.css", "icons.svg", "inter-latin.woff2"}


def test_the_first_page_weighs_at_most_150_kb(assets):
    weights = assets.weights()
    total = sum(weights[name] for name in first_page(assets)) + PICTURE_BYTES
    assert total + HTML_ALLOWANCE_BYTES <= 150_000


def test_the_printer_page_weighs_at_most_250_kb(assets):
    weights = assets.weights()
    islands = closure(assets.BUILT, *imported_by(assets.BUILT, "main.js", dynamic=True))
    assert {"live.js", "chart.js", "upload.js"} <= islands
    total = sum(weights[name] for name in first_page(assets) | islands | {"uplot.js", "uplot.css"})
    assert total + HTML_ALLOWANCE_BYTES <= 250_000


def test_a_second_build_does_nothing(assets, capsys):
    before = assets.STAMP.stat().st_mtime_ns
    assets.main([])
    assert assets.STAMP.stat().st_mtime_ns == before
    assert capsys.readouterr().out == ""


def test_a_new_class_in_any_template_asks_for_a_new_build(tmp_path, monkeypatch):
    tool = load_tool()
    for name in ("package.json", "package-lock.json", "tsconfig.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    page = tmp_path / "glassbed" / "features" / "printers" / "templates" / "page.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>")
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "ASSETS", tmp_path / "assets")
    before = tool.fingerprint()
    page.write_text('<p class="mt-4">')
    assert tool.fingerprint() != before


def test_the_lock_file_names_no_registry_and_pins_every_package():
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages) > 10
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    bundled = {name for name, entry in packages.items() if entry.get("inBundle")}
    assert [name for name in packages.keys() - bundled if "integrity" not in packages[name]] == []


def test_the_islands_pass_their_own_tests(assets):
    node, _ = assets.find_node()
    tests = sorted(str(path) for path in (assets.ASSETS / "tests").glob("*.test.mjs"))
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        int(re.search(r"^# pass (\d+)$|^ℹ pass (\d+)$", done.stdout, re.MULTILINE).group(0).split()[-1]) > 10
    )


def test_nothing_built_speaks_to_another_host(assets):
    allowed = {
        "www.w3.org",
        "tailwindcss.com",
        "lucide.dev",
        "daisyui.com",
        "github.com",
    }  # name spaces and licence notes
    for path in assets.BUILT.iterdir():
        if path.suffix not in {".css", ".js", ".svg"}:
            continue
        hosts = set(re.findall(r"https?://([\w.-]+)", path.read_text()))
        assert hosts - allowed == set(), path.name


class Page(HTMLParser):
    """What the Content-Security-Policy would refuse, and what no translator ever sees."""

    def __init__(self):
        super().__init__()
        self.refused, self.bare = [], []
        self._data = self._code = False

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self._data = tag == "script" and named.get("type") == "application/json"
        inline = tag == "script" and "src" not in named and not self._data
        refused = [name for name in named if name.startswith(("on", "hx-on"))]
        refused += ["style"] if "style" in named and tag not in STYLED else []
        if inline or tag == "style" or refused:
            self.refused.append(self.get_starttag_text())
        self._code = tag in CODE
        for name in (READ_ALOUD - {"text"} if tag in CODE else READ_ALOUD) & named.keys():
            self._read(named[name] or "")

    def handle_endtag(self, tag):
        self._data = self._code = False

    def handle_data(self, data):
        if not self._data and not self._code:
            self._read(data)

    def _read(self, text):
        if set(LETTERS.findall(text)) - NAMES:
            self.bare.append(text.strip())


def without_template_tags(source):
    """The text left when everything Django replaces is gone, translated blocks included."""
    for block in ("blocktranslate", "blocktrans", "comment"):
        source = re.sub(rf"{{%\s*{block}\b.*?{{%\s*end{block}\s*%}}", "", source, flags=re.DOTALL)
    source = re.sub(r"{%\s*block main_class %}[^{]*{%\s*endblock\s*%}", "", source)  # a class, no text
    return re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", source, flags=re.DOTALL)


def read(path):
    page = Page()
    page.feed(without_template_tags(path.read_text()))
    page.close()
    return page


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_no_template_needs_an_inline_style_or_script(path):
    assert read(path).refused == []


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_every_string_of_a_template_is_translatable(path):
    assert read(path).bare == []


def test_the_reader_of_templates_finds_what_it_looks_for():
    page = Page()
    page.feed(
        without_template_tags(
            '<p style="x" title="Bad {{ a }}">{% translate "Fine" %} Words</p><script>1</script>'
        )
    )
    assert len(page.refused) == 2
    assert page.bare == ["Bad", "Words"]


def words():
    source = (DESIGN / "words.html").read_text()
    source = re.sub(r"{%\s*translate '([^']*)' as word %}{{ word\|escapejs }}", r"\1", source)
    return json.loads(re.search(r"<script[^>]*>(.*)</script>", source, re.DOTALL)[1])


def test_every_word_that_an_island_says_is_translated():
    said = {
        key
        for path in ISLANDS.glob("*.ts")
        for key in re.findall(r'"((?:live|chart|upload|duration)\.\w+)"', path.read_text())
    }
    assert said
    assert said - words().keys() == set()


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_its_word_on_the_server_and_in_the_browser(state):
    assert f"state.{state}" in words()
    badge = (DESIGN / "state_word.html").read_text()
    assert f'state == "{state}" %}}{{% translate "{words()[f"state.{state}"]}" %}}' in badge


def test_every_icon_that_a_template_names_is_in_the_sprite():
    known = set((ROOT / "glassbed" / "web" / "assets" / "icons.txt").read_text().split())
    pattern = r'<c-icon name="([\w-]+)"|\bicon="([\w-]+)"'
    for path in TEMPLATES:
        used = {name for pair in re.findall(pattern, path.read_text()) for name in pair if name}
        assert used - known == set(), named(path)


def test_every_component_is_described():
    described = (ROOT / "docs" / "design-system.md").read_text()
    missing = [
        path.stem for path in COTTON.glob("*.html") if f"<c-{path.stem.replace('_', '-')}" not in described
    ]
    assert missing == []


UTILITIES = {
    *(
        "block",
        "inline",
        "flex",
        "grid",
        "contents",
        "hidden",
        "table",
        "list-item",
        "flow-root",
        "container",
    ),
    *("static", "fixed", "absolute", "relative", "sticky", "visible", "invisible", "collapse", "isolate"),
    *(
        "truncate",
        "italic",
        "underline",
        "uppercase",
        "lowercase",
        "capitalize",
        "border",
        "rounded",
        "shadow",
    ),
    *("resize", "transition", "filter", "blur", "outline", "ring", "grow", "shrink"),
}
"""Tailwind's one-word classes: a style of ours by such a name would fall on whatever uses the utility."""


def test_no_class_of_ours_has_the_name_of_a_utility():
    sheets = sorted((ROOT / "glassbed" / "web" / "assets" / "css").glob("*.css"))
    named = {
        name
        for sheet in sheets
        for name in re.findall(r"^\s*\.([a-z][\w-]*)(?=[\s,:{>])", sheet.read_text(), re.MULTILINE)
    }
    assert len(named) > 100
    assert named & UTILITIES == set()
