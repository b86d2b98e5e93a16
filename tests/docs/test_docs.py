"""The documentation names what there is, and what it names is there."""

import re
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
import yaml

from glassbed.cli import COMMANDS
from glassbed.drivers.registry import DRIVERS
from glassbed.foundation.config import settings, variable
from glassbed.policy.binding import Bound
from glassbed.policy.program import KINDS, PURPOSES
from glassbed.protocol.hosts import HOSTS
from glassbed.protocol.messages import Happening
from glassbed.protocol.subjects import SUBJECTS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("adr/*.md")])
RECORDS = sorted((DOCS / "adr").glob("0*.md"))
SOURCES = [path for path in (ROOT / "glassbed").rglob("*.py") if "migrations" not in path.parts]

HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "Check"]
PROMISES = 132
TREE = r"(?:glassbed|docs|tests|tools|bench|requirements)/[\w./-]+"
MADE = ("docs/_build", "glassbed/web/static/built")  # made, not kept

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def name(path):
    return str(path.relative_to(ROOT))


def text(path):
    return path.read_text(encoding="utf-8")


def table(page, head):
    """Return first cell → other cells of the table in `page` whose head begins with `head`."""
    rows = text(DOCS / page).partition(f"\n| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in rows]
    return {first.strip("`"): rest for first, *rest in cells}


def ticked(words):
    return re.findall(r"`([^`]+)`", words)


def found_in_code(pattern):
    return {match for path in SOURCES for match in re.findall(pattern, text(path))}


# -- what there is, is named --------------------------------------------------------------------------


@pytest.mark.parametrize("field", settings(), ids=lambda field: field.name)
def test_every_setting_is_described_as_it_is(field):
    described = table("operate.md", "setting")

    assert described[field.name] == [
        f"`{variable(field.name)}`",
        field.metadata["default"] or "none",
        field.metadata["doc"],
    ]


def test_every_secret_is_listed():
    known = set(re.findall(r"secrets/([a-z-]+)", " ".join(table("operate.md", "file"))))
    direct = found_in_code(r'\.secret\("([a-z-]+)"\)')
    named = found_in_code(r'_SECRET = "([a-z-]+)"')

    assert {"context", "data-keys"} <= direct
    assert direct | named <= known


def test_every_command_is_described():
    described = {word for cell in table("operate.md", "command") for word in re.findall(r"[a-z]+", cell)}

    assert described == set(COMMANDS)


def test_every_driver_is_named_with_what_it_announces():
    described = {key: cells[2].strip("`") for key, cells in table("howto-driver.md", "key").items()}

    assert described == {
        key: (driver.mdns_type or "no").removesuffix(".local.") for key, driver in DRIVERS.items()
    }


def test_every_driver_can_be_named_to_people():
    assert HOSTS.keys() == DRIVERS.keys()


def test_every_kind_of_data_is_named_with_its_tables():
    bound = {kind: set() for kind in KINDS}
    for path in (ROOT / "glassbed").rglob("privacy.py"):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for name_of_table, binding in module.BINDINGS.items():
            if isinstance(binding, Bound):
                bound[binding.category].add(name_of_table)

    described = table("howto-category.md", "kind")
    assert {kind: set(ticked(cells[0])) for kind, cells in described.items()} == bound


def test_every_purpose_is_named_with_its_reach_and_processes():
    described = {key: cells[:2] for key, cells in table("howto-category.md", "purpose").items()}

    assert described == {
        key: [purpose.reach, ", ".join(purpose.surfaces)] for key, purpose in PURPOSES.items()
    }


def test_every_event_and_subject_is_described():
    described = set(ticked(text(DOCS / "events.md")))
    features = found_in_code(r"class (\w+Leaves)\(")
    ledger = found_in_code(r'\bnote\("([a-z_]+)"')

    assert features
    assert ledger
    assert features | ledger | set(SUBJECTS) <= described
    assert {kind.__struct_config__.tag for kind in get_args(Happening)} <= described


def test_every_make_target_is_named():
    targets = re.findall(r"^([a-z]+):.*## ", text(ROOT / "Makefile"), re.MULTILINE)
    named = text(ROOT / "README.md") + text(ROOT / "CONTRIBUTING.md")

    assert {"run", "test", "check"} <= set(targets)
    assert [target for target in targets if f"make {target}" not in named] == []


# -- what is named, is there --------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page):
    links = [link for link in LINK.findall(FENCE.sub("", text(page))) if "://" not in link]

    broken = [link for link in links if not (page.parent / link.partition("#")[0]).exists()]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_picture_comes_from_another_host(page):
    assert re.findall(r"!\[[^\]]*\]\([a-z]+:[^)]*\)|<(?:img|script|link)\b", FENCE.sub("", text(page))) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_that_is_named_exists(page):
    paths = {
        path.rstrip("/")
        for span in ticked(FENCE.sub("", text(page)))
        for path in re.findall(rf"^{TREE}$", span)
        if not re.search(r"[A-Z]{3}", path) and not path.startswith(MADE)
    }

    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def test_architecture_names_paths_at_all():
    assert len(re.findall(TREE, text(ROOT / "ARCHITECTURE.md"))) > 20


# -- the form of what is kept ---------------------------------------------------------------------------


@pytest.mark.parametrize("record", RECORDS, ids=name)
def test_a_decision_record_has_its_five_headings(record):
    number = record.name[:4]

    assert text(record).startswith(f"# {number} ")
    assert re.findall(r"^## (.+)$", text(record), re.MULTILINE) == HEADINGS


def test_every_decision_record_is_in_the_index_in_order():
    linked = re.findall(r"\((\d{4}-[a-z-]+\.md)\)", text(DOCS / "adr" / "index.md"))

    assert linked == [record.name for record in RECORDS]
    assert [link[:4] for link in linked] == [f"{number:04}" for number in range(1, len(RECORDS) + 1)]


def test_every_page_of_the_manual_is_in_its_index():
    trees = "".join(re.findall(r"```\{toctree\}.*?```", text(DOCS / "index.md"), re.DOTALL)).split()
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}

    assert pages <= set(trees)


def test_the_book_of_promises_is_whole():
    book = yaml.safe_load(text(DOCS / "promises.yaml"))

    assert len(book) == PROMISES
    assert [key for key, promise in book.items() if not {"says", "shows"} <= promise.keys()] == []


def test_the_newest_changes_say_what_they_mean_for_privacy():
    newest = text(ROOT / "CHANGELOG.md").split("\n## ")[1]

    assert "\n### Privacy\n" in newest
