"""What a pack allows the program, worked out by hand."""

import msgspec
import pytest

from glassbed.policy import rulebook
from glassbed.policy.pack import find, load
from glassbed.policy.program import PURPOSES
from glassbed.policy.rulebook import Bit
from glassbed.policy.vocabulary import Activity, Ground, Use

HOUSE = load(find("house"))


def activity(*grounds, categories=("print", "mail"), **fields):
    return Activity(
        title="Try",
        says="We try.",
        dpv="dpv:ServiceProvision",
        categories={name: Use(origin=("provided",)) for name in categories},
        grounds=tuple(Ground(**ground) for ground in grounds),
        **fields,
    )


def pack_with(**activities):
    return msgspec.structs.replace(HOUSE, activities=HOUSE.activities | activities)


def test_a_kind_stands_in_the_category_that_covers_it_or_has_its_name():
    account = msgspec.structs.replace(HOUSE.categories["account"], covers=("account", "contact", "shoes"))
    others = {k: v for k, v in HOUSE.categories.items() if k not in {"account", "contact", "mail"}}
    empty = msgspec.structs.replace(HOUSE.categories["mail"], covers=())
    unknown = HOUSE.categories["mail"]
    pack = msgspec.structs.replace(
        HOUSE, categories={"account": account, **others, "mail": empty, "purchases": unknown}
    )
    covered = {"account": "account", "contact": "account", "hold": "consent"}
    assert rulebook.category_of(pack) == covered | {k: k for k in others}


def test_a_purpose_runs_under_the_activity_that_lists_it():
    found = rulebook.activity_of(HOUSE)
    assert found["pairing"] == "printing"
    assert found.keys() == PURPOSES.keys()


@pytest.mark.parametrize(
    ("grounds", "asked"),
    [
        ([{"basis": "contract"}], None),
        ([{"basis": "consent"}], "consent"),
        ([{"basis": "legitimate_interest"}], "objection"),
        ([{"basis": "consent", "categories": ("mail",)}, {"basis": "contract"}], None),
        ([{"basis": "contract", "categories": ("mail",)}, {"basis": "consent"}], "consent"),
        ([{"basis": "contract", "when": "you pay"}, {"basis": "consent"}], "consent"),
        ([{"basis": "contract", "when": "you pay"}, {"basis": "legitimate_interest"}], "objection"),
        ([{"basis": "legitimate_interest"}, {"basis": "consent", "when": "you are far"}], "consent"),
        ([{"basis": "contract"}, {"basis": "consent", "when": "you are far"}], None),
        ([{"basis": "contract", "when": "you pay"}], None),
        ([{"basis": "consent", "categories": ("mail",)}], None),
    ],
)
def test_the_strictest_ground_counts_unless_one_holds_whatever_the_case(grounds, asked):
    assert rulebook.asked_for(activity(*grounds), "print") == asked


def test_a_purpose_gets_what_it_needs_and_its_activity_has_whichever_is_less():
    rules = rulebook.purpose_rules(HOUSE)
    assert rules["account"].reads == {"account": None, "contact": None}
    assert rules["account"].writes == {"profile": None, "session": None}
    assert rules["account"].appends == {"ledger": None}
    assert rules["news"].reads == {"contact": "consent"}
    assert rules["news"].asks
    assert rules["statistics"].reads == {"print": "objection"}
    assert not rules["account"].asks
    assert rules["recording"].surfaces == ("recorder",)


def test_a_purpose_loses_what_its_activity_does_not_have():
    less = msgspec.structs.replace(
        HOUSE.activities["account"],
        categories={k: u for k, u in HOUSE.activities["account"].categories.items() if k != "session"},
    )
    pack = pack_with(account=less)
    assert rulebook.purpose_rules(pack)["account"].writes == {"profile": None}
    assert rulebook.missing(pack) == {"sign_in": ("session",), "account": ("session",)}


def test_a_purpose_without_an_activity_gets_nothing_and_misses_nothing():
    pack = pack_with(news=msgspec.structs.replace(HOUSE.activities["news"], purposes=()))
    rule = rulebook.purpose_rules(pack)["news"]
    assert (rule.activity, rule.surfaces, rule.reads, rule.writes, rule.appends) == ("", (), {}, {}, {})
    assert rulebook.missing(pack) == {}


def test_an_activity_reads_its_categories_and_no_more():
    try_it = activity({"basis": "legitimate_interest"}, {"basis": "contract", "categories": ("mail",)})
    rule = rulebook.activity_rules(pack_with(try_it=try_it))["try_it"]
    assert (rule.reads, rule.writes, rule.appends) == ({"print": "objection", "mail": None}, {}, {})
    assert rule.surfaces == ()


@pytest.mark.parametrize(
    ("grounds", "asked"),
    [
        ([{"basis": "contract"}], None),
        ([{"basis": "contract"}, {"basis": "consent", "categories": ("mail",)}], "consent"),
        ([{"basis": "contract"}, {"basis": "legitimate_interest", "categories": ("mail",)}], "objection"),
    ],
)
def test_an_activity_asks_the_strictest_that_a_category_of_it_asks(grounds, asked):
    assert rulebook.asks(activity(*grounds)) == asked


def test_each_activity_has_a_bit_and_one_more_where_somebody_is_asked():
    dealt = rulebook.bits(HOUSE)
    asked = [bit for bit in dealt if bit.asked]
    assert asked == [Bit("news", "consent", ()), Bit("statistics", "objection", ())]
    assert [bit.opens for bit in asked] == [False, True]
    assert [bit.activity for bit in dealt if not bit.asked] == list(HOUSE.activities)
    assert list(dealt.values()) == [1 << n for n in range(len(dealt))]
    assert Bit("account", None, ("restriction",)) in dealt
