"""A pytest plugin: which promises of the book were kept by tests that ran and passed.

With `--promises FILE` each worker's results are added to FILE as JSON lines, for tools/promises.py.
"""

import json
from pathlib import Path

import pytest
import yaml

BOOK = Path(__file__).resolve().parent.parent / "docs" / "promises.yaml"


def pytest_addoption(parser):
    parser.addoption("--promises", type=Path, help="add kept promises to this file")


def pytest_configure(config):
    config.stash[_known] = frozenset(yaml.safe_load(BOOK.read_text(encoding="utf-8")))


_known = pytest.StashKey[frozenset]()


def pytest_collection_modifyitems(config, items):
    """Refuse a mark that names no promise of the book."""
    for item in items:
        for mark in item.iter_markers("promise"):
            if mark.args[0] not in config.stash[_known]:
                raise pytest.UsageError(f"{item.nodeid}: {mark.args[0]} is no promise of the book")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.promises = [
        {"id": mark.args[0], "part": mark.kwargs.get("part"), "test": item.nodeid}
        for mark in item.iter_markers("promise")
    ]
    return report


def pytest_runtest_logreport(report):
    """Written where results arrive: in the one process, or in xdist's controller."""
    file = _target(report)
    if file is not None and report.when == "call":
        for promise in getattr(report, "promises", ()):
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({**promise, "outcome": report.outcome}) + "\n")


_file: list[Path] = []


def _target(report) -> Path | None:
    return _file[0] if _file else None


def pytest_sessionstart(session):
    file = session.config.getoption("--promises")
    if file and not hasattr(session.config, "workerinput"):
        _file[:] = [file]
