import msgspec
import pytest

from glassbed.policy.pack import find, load
from glassbed.policy.regions import merged, patched
from glassbed.policy.vocabulary import Region

HOUSE = load(find("house"))


@pytest.mark.parametrize(
    ("tree", "patch", "result"),
    [
        # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_is_merged_as_rfc_7396_says(tree, patch, result):
    assert merged(tree, patch) == result


def with_region(**patch):
    region = Region(countries=("DE",), because="The law says so.", patch=patch)
    return msgspec.structs.replace(HOUSE, regions={"one": region})


def test_in_a_region_its_patch_holds_and_the_rest_stays():
    pack = with_region(ages={"fallback": 18}, choices={"statistics": None})
    there = patched(pack, "one")
    assert (there.ages.fallback, set(there.choices), there.regions) == (18, {"news"}, {})
    assert there.ages.freeze_days == HOUSE.ages.freeze_days
    assert (pack.ages.fallback, set(pack.choices)) == (16, {"news", "statistics"})


def test_a_patch_that_makes_no_pack_is_refused():
    with pytest.raises(msgspec.ValidationError, match=r"staff\.minutes"):
        patched(with_region(staff={"minutes": 9999}), "one")
