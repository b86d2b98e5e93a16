import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from glassbed.policy import command
from glassbed.policy.pack import find, line_of, load

PUBLISHED = Path(command.__file__).parents[2] / "docs" / "policy.schema.json"


def test_the_command_says_that_a_pack_is_sound(capsys):
    assert command.main(["check"]) == 0
    house = load(find("house"))
    counts = f"{len(house.categories)} categories, {len(house.activities)} activities"
    assert capsys.readouterr().out == f"house {house.version}: {counts}, sound.\n"


def test_the_command_says_what_is_wrong_with_file_and_line(write, capsys):
    file = write(lambda tree: tree["retention"]["with_account"].update(days=3))
    assert command.main(["check", str(file.parent)]) == 1
    line = line_of(yaml.compose(file.read_text()), "retention", "with_account")
    assert (
        capsys.readouterr().out
        == f"{file}:{line}: retention 'with_account': a period has 'days', and nothing else has\n"
    )


def test_the_command_says_what_is_wrong_with_a_language(write, capsys):
    file = write(lambda tree: tree.update(languages=["en", "de"]))
    assert command.main(["check", str(file.parent)]) == 1
    assert "there is no de.yaml" in capsys.readouterr().out


def test_the_command_says_what_changes_for_whom_and_who_is_asked_again(write, capsys):
    file = write(lambda tree: tree["activities"]["news"]["categories"].update(print={"origin": ["observed"]}))
    assert command.main(["diff", "house", str(file.parent)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "widens  activity news, categories: also print (account_holder)",
        "asks    news: people must agree anew",
    ]


def test_the_command_refuses_to_compare_what_is_no_pack(capsys):
    assert command.main(["diff", "house", "nothere"]) == 1
    assert "there is no such pack" in capsys.readouterr().out


def test_the_published_schema_is_current(capsys):
    assert command.main(["schema"]) == 0
    assert PUBLISHED.read_text(encoding="utf-8") == capsys.readouterr().out


def validator():
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    "file", sorted(find("house").parents[1].glob("*/policy.yaml")), ids=lambda file: file.parent.name
)
def test_every_shipped_pack_is_as_the_schema_says(file):
    assert [error.message for error in validator().iter_errors(yaml.safe_load(file.read_text()))] == []


def test_the_schema_refuses_what_no_pack_has():
    tree = yaml.safe_load(find("house").read_text())
    tree["staff"]["minutes"] = 9999
    tree["ages"]["blow"] = "guardian"
    places = {"/".join(map(str, error.path)) for error in validator().iter_errors(tree)}
    assert places == {"staff/minutes", "ages"}


def test_the_schema_describes_every_kind_of_entry():
    kinds = json.loads(PUBLISHED.read_text(encoding="utf-8"))["$defs"]
    assert [name for name, kind in kinds.items() if not kind.get("description")] == []
