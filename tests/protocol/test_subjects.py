"""Every subject is in the table, and a name can't reach another subject."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbed.protocol import subjects

NAMED = {name for name, subject in subjects.SUBJECTS.items() if "<" in subject.pattern}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_each_family_has_a_function_that_makes_it(name):
    subject = getattr(subjects, name)("a-1_B")
    assert subject == subjects.SUBJECTS[name].pattern.partition("<")[0] + "a-1_B"
    assert subjects.named(subject) == "a-1_B"


def test_each_function_has_its_row_and_the_rest_are_literal():
    functions = {
        name
        for name, function in inspect.getmembers(subjects, inspect.isfunction)
        if function.__module__ == subjects.__name__ and not name.startswith("_")
    }
    assert functions - {"named"} == NAMED
    assert subjects.SUBJECTS.keys() - NAMED == {subjects.RECORD_EVENT}


def test_each_wildcard_is_of_a_family_that_is_published():
    wildcards = {value for name, value in vars(subjects).items() if name.startswith("EVERY_")}
    assert {wildcard.removesuffix(".*") for wildcard in wildcards} <= NAMED


def test_each_names_its_category_and_says_what_it_is():
    for subject in subjects.SUBJECTS.values():
        assert subject.categories
        assert subject.doc.endswith(".")


@given(
    st.text().filter(lambda text: not (text.isascii() and text.replace("-", "a").replace("_", "a").isalnum()))
)
def test_what_is_no_single_token_is_refused(text):
    with pytest.raises(ValueError, match="not one token"):
        subjects.sample(text)
