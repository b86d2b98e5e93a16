"""The published description is the one of the classes."""

import importlib.util
from pathlib import Path

import pytest

from glassbed.protocol import messages, subjects

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def asyncapi():
    spec = importlib.util.spec_from_file_location("asyncapi", ROOT / "tools" / "asyncapi.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_document_is_up_to_date(asyncapi):
    assert asyncapi.DOCUMENT.read_text(encoding="utf-8") == asyncapi.render(), "run: python tools/asyncapi.py"


def test_every_message_and_every_subject_is_in_it(asyncapi):
    document = asyncapi.document()
    kinds = {kind.__name__ for kind in messages.Message.__subclasses__()} - {
        kind.__name__ for union in (messages.Order, messages.Happening) for kind in union.__args__
    }
    assert kinds <= document["components"]["messages"].keys()
    assert {kind.__name__ for kind in messages.Message.__subclasses__()} <= document["components"][
        "schemas"
    ].keys()
    assert {f"bus.{name}" for name in subjects.SUBJECTS} <= document["channels"].keys()


def test_every_reference_leads_somewhere(asyncapi):
    document = asyncapi.document()

    def references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from references(child)

    for reference in set(references(document)):
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
