import pytest
import yaml

from glassbed.policy import program
from glassbed.policy.program import KINDS, PURPOSES

SAYS = {"says": "Something is done."}


def test_every_kind_of_data_is_there_for_a_purpose():
    assert {kind for purpose in PURPOSES.values() for kind in purpose.touches} == set(KINDS)


def test_no_purpose_reaches_everyone_without_a_reason():
    assert all(purpose.because for purpose in PURPOSES.values() if purpose.reach == "everyone")


@pytest.mark.parametrize(
    ("purpose", "words"),
    [
        ({"reads": ["shoes"]}, "touches shoes, which is no kind"),
        ({"reads": ["cup"], "writes": ["cup"]}, "lists a kind twice"),
        ({"reads": ["cup"], "reach": "everyone"}, "'because' says why"),
        ({"reads": ["cup"], "because": "It is so."}, "'because' says why"),
    ],
)
def test_a_purpose_that_does_not_fit_stops_the_program(tmp_path, monkeypatch, purpose, words):
    file = tmp_path / "purposes.yaml"
    file.write_text(
        yaml.safe_dump({"kinds": {"cup": "cups"}, "ways": {}, "purposes": {"drink": {**SAYS, **purpose}}})
    )
    monkeypatch.setattr(program, "FILE", file)
    with pytest.raises(ValueError, match=words):
        program._load()
