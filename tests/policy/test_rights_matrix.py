"""Rights follow from bases as DPV 2.3 maps them (legal_basis_rights_mapping.csv), with two deviations."""

import msgspec
import pytest

from glassbed.policy.pack import find, load
from glassbed.policy.rights_matrix import INFORMED, MATRIX, articles, portable
from glassbed.policy.vocabulary import Ground, Use

HOUSE = load(find("house"))

DPV = {
    "consent": "13 14 15 16 17 18 20 22 7(3) 77",
    "contract": "13 14 15 16 17 18 20 22 77",
    "legal_obligation": "13 15 16 18 77",
    "vital_interest": "13 14 15 16 17 18 22 77",
    "public_task": "13 14 15 16 18 21 22 77",
    "legitimate_interest": "13 14 15 16 17 18 21 22 77",
}


def test_the_matrix_is_dpvs_but_for_information_and_decisions_under_a_law():
    oracle = {basis: set(listed.split()) for basis, listed in DPV.items()}
    oracle["legal_obligation"] |= {"14", "22"}
    assert oracle == MATRIX
    assert all(listed >= INFORMED for listed in MATRIX.values())


def activity(name, **fields):
    return msgspec.structs.replace(HOUSE.activities[name], **fields)


def test_an_activity_gives_what_any_of_its_grounds_gives():
    both = activity("history", grounds=(Ground(basis="contract"), Ground(basis="public_task", when="asked")))
    assert articles(both) == MATRIX["contract"] | MATRIX["public_task"]


@pytest.mark.parametrize(
    ("term", "objects"),
    [("dpv:DirectMarketing", True), ("dpv:PersonalisedAdvertising", True), ("dpv:Payment", False)],
)
def test_nobody_has_to_bear_direct_marketing_whatever_it_rests_on(term, objects):
    assert ("21" in articles(activity("history", dpv=term))) == objects


def pack_of(basis, *origin, **ground):
    only = activity(
        "history", categories={"print": Use(origin=origin)}, grounds=(Ground(basis=basis, **ground),)
    )
    return msgspec.structs.replace(HOUSE, activities={"history": only})


@pytest.mark.parametrize(
    ("basis", "origin", "expected"),
    [
        ("contract", ["provided"], True),
        ("consent", ["observed"], True),
        ("contract", ["derived", "observed"], True),
        ("contract", ["derived"], False),
        ("consent", ["third_party"], False),
        ("legitimate_interest", ["provided"], False),
        ("legal_obligation", ["provided"], False),
    ],
)
def test_portable_is_what_was_given_or_observed_under_contract_or_consent(basis, origin, expected):
    assert portable(pack_of(basis, *origin), "print") is expected


def test_a_ground_for_another_category_makes_nothing_portable():
    assert not portable(pack_of("contract", "provided", categories=("mail",)), "print")


def test_a_category_that_no_activity_has_is_not_portable():
    assert not portable(pack_of("contract", "provided"), "mail")


def test_of_the_house_all_but_what_it_made_itself_is_portable():
    kept = {"key", "mail", "consent"}
    assert {name for name in HOUSE.categories if not portable(HOUSE, name)} == kept
