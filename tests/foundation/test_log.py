import io
import json
import logging
import sys

import pytest

from glassbed.foundation import log

SECRET = "anna@example.org"


@pytest.fixture
def lines():
    """Log as a process does, and return what it wrote as objects."""
    root, requests = logging.getLogger(), logging.getLogger("django.request")
    handlers, levels, declared = list(root.handlers), (root.level, requests.level), log._declared
    log.configure({"level": "info", "fields": ("printer", "count", "status")})
    (handler,) = root.handlers
    assert handler.stream is sys.stderr
    handler.setStream(written := io.StringIO())
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    requests.setLevel(levels[1])
    log._declared = declared


@pytest.fixture
def ours():
    return logging.getLogger("glassbed.test")


def test_a_line_has_its_fixed_words_and_its_fields(lines, ours):
    log.event(ours, "printed", printer="p1", count=3)
    (line,) = lines()
    assert line["at"].endswith("+00:00")
    del line["at"]
    assert line == {
        "level": "info",
        "logger": "glassbed.test",
        "event": "printed",
        "printer": "p1",
        "count": "3",
    }


def test_an_undeclared_field_is_refused(lines, ours):
    with pytest.raises(log.UndeclaredLogField, match=r"address, owner: .*Declare it under log_fields"):
        log.event(ours, "printed", owner="cube", address=SECRET)
    assert lines() == []


def test_the_level_decides_what_is_written(lines, ours):
    log.event(ours, "small", level=logging.DEBUG)
    log.event(ours, "grave", level=logging.WARNING)
    assert [line["event"] for line in lines()] == ["grave"]


def test_the_text_of_others_is_withheld(lines):
    logging.getLogger("others").warning("mail to %s failed", SECRET)
    logging.getLogger("others").warning(f"mail to {SECRET} failed")  # noqa: G004 -- as others do
    found = lines()
    assert SECRET not in json.dumps(found)
    assert [set(line) for line in found] == [{"at", "level", "logger"}] * 2


def test_our_own_fixed_words_are_kept_and_what_is_filled_in_is_not(lines, ours):
    ours.info("started")
    ours.info("for %s", SECRET)
    assert [line.get("event") for line in lines()] == ["started", None]


def test_an_error_is_its_kind_and_its_places_never_its_text(lines, ours):
    def fail():
        raise ValueError(SECRET)

    try:
        fail()
    except ValueError:
        ours.exception("failed")
        logging.getLogger("others").exception(SECRET)
    own, other = lines()
    assert SECRET not in json.dumps([own, other])
    assert (own["event"], own["error"], other["error"]) == ("failed", "ValueError", "ValueError")
    assert own["where"].split(" < ")[0].startswith("foundation/test_log.py:")
    assert own["where"].split(" < ")[0].endswith(" fail")


def test_a_message_that_is_no_text_is_withheld(lines, ours):
    ours.info({"address": SECRET})
    assert "event" not in lines()[0]


def test_every_field_that_the_code_logs_is_declared_by_the_house():
    """A line that is refused is an error in the middle of an action."""
    import ast

    from glassbed.foundation.instance import Instance
    from glassbed.policy.pack import find, load

    declared, found = load(find("house")).log.fields.keys(), set()
    for path in Instance.package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "log.event":
                found |= {keyword.arg for keyword in node.keywords} - {"level", None}
    assert found
    assert found <= set(declared)
