import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from glassbed.policy.pack import Fault, PackRefused, decoded, digest, encoded, find, line_of, load
from glassbed.policy.program import KINDS

HOUSE = find("house")


def line_with(file, text):
    return next(n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line)


def test_the_house_pack_is_sound_and_covers_every_kind_of_data():
    house = load(HOUSE)
    assert house.pack == "house"
    assert set(house.features) == {"accounts", "printers", "jobs", "library", "traces", "trust"}
    assert set(house.categories) == set(KINDS) - {"hold"}


@pytest.mark.parametrize(
    "file", sorted(HOUSE.parents[1].glob("*/policy.yaml")), ids=lambda file: file.parent.name
)
def test_every_shipped_pack_is_sound(file):
    assert load(file).pack == file.parent.name


def test_a_shipped_pack_is_found_by_its_name_and_another_by_its_folder(write):
    assert find("house").is_file()
    own = write(lambda tree: None)
    assert find(str(own.parent)) == own


@pytest.mark.parametrize("name", ["nothere", "./nowhere", "../house", "House"])
def test_a_pack_that_is_not_there_is_told_with_those_that_are(name):
    with pytest.raises(PackRefused, match=r"there is no such pack; shipped are: .*house"):
        find(name)


def test_a_fault_says_file_line_and_what(tmp_path):
    assert str(Fault(tmp_path / "policy.yaml", 7, "mend it")) == f"{tmp_path}/policy.yaml:7: mend it"


def test_what_is_no_yaml_is_told_with_its_line(write, refused):
    (fault,) = refused(write("pack: house\ncategories: [\n"))
    assert (fault.line, fault.message[:8]) == (3, "not YAML")


def test_what_has_a_character_that_yaml_can_not_hold_is_told(write, refused):
    (fault,) = refused(write("pack: \x07\n"))
    assert fault.message.startswith("not YAML")


@pytest.mark.parametrize("text", ["", "- a list\n", "just text\n"])
def test_what_is_no_pack_at_all_is_told(write, refused, text):
    (fault,) = refused(write(text))
    assert fault.line == 1


def test_an_unknown_field_is_refused_where_it_stands(write, refused):
    def mistype(tree):
        tree["activities"]["printing"]["recipeints"] = ["guest"]

    file = write(mistype)
    (fault,) = refused(file)
    assert "recipeints" in fault.message
    assert fault.line == line_with(file, "    title: Print and watch") - 1


def test_a_wrong_value_is_refused_where_it_stands(write, refused):
    def change(tree):
        tree["activities"]["printing"]["automation"] = "because"

    file = write(change)
    (fault,) = refused(file)
    assert fault.line == line_with(file, "automation: because")


def test_a_wrong_value_of_a_section_that_is_one_entry_is_refused_where_it_stands(write, refused):
    file = write(lambda tree: tree["staff"].update(minutes=9999))
    (fault,) = refused(file)
    assert fault.line == line_with(file, "minutes: 9999")


def test_a_key_that_no_table_could_have_is_refused(write, refused):
    (fault,) = refused(
        write(lambda tree: tree["activities"].update({"Print; DROP": tree["activities"]["printing"]}))
    )
    assert "activities" in fault.message


def test_a_key_that_stands_twice_is_refused_where_it_stands_again(write, refused):
    text = HOUSE.read_text()
    doubled = text + "signals: {gpc: true, dnt: true}\n"
    found = refused(write(doubled))
    assert [(f.message, f.line) for f in found] == [
        ("'signals' stands twice; keep one of them", text.count("\n") + 1)
    ]


def test_a_key_doubled_deep_inside_is_found_too(write, refused):
    text = HOUSE.read_text().replace(
        "    recipients: [guest]\n", "    recipients: [guest]\n    recipients: [guest]\n"
    )
    (fault,) = refused(write(text))
    assert fault.message == "'recipients' stands twice; keep one of them"


# -- what a document is silent on ------------------------------------------------------------------------------


def silent(**sections):
    """Take entries away from the house's pack, and say that its document is silent on them."""

    def change(tree):
        for section, keys in sections.items():
            for key in keys:
                del tree[section][key]
        tree["silent"] = {section: list(keys) for section, keys in sections.items()}

    return change


def test_where_a_document_is_silent_the_houses_entry_holds(changed):
    pack = changed(silent(rights=["complaint"], staff=["minutes"]))
    assert pack.rights["complaint"] == load(HOUSE).rights["complaint"]
    assert pack.staff.minutes == 30
    assert pack.silent == {"rights": ("complaint",), "staff": ("minutes",)}


def test_a_section_that_is_not_there_at_all_is_taken_whole(write):
    def change(tree):
        del tree["ages"]
        tree["silent"] = {"ages": ["fallback", "below", "freeze_days", "says"]}

    assert load(write(change)).ages == load(HOUSE).ages


@pytest.mark.parametrize(
    ("told", "section", "words"),
    [
        ({"rights": ["access"]}, "rights", "'access' stands in the pack"),
        ({"rights": ["flying"]}, "rights", "house has no 'flying' to take"),
        ({"title": ["en"]}, "title", "house has no section 'title' with entries"),
        ({"nothing": ["en"]}, "nothing", "house has no section 'nothing' with entries"),
    ],
)
def test_a_silence_that_can_not_be_filled_is_told_where_it_stands(write, refused, told, section, words):
    file = write(lambda tree: tree.update(silent=told))
    found = refused(file)
    if section != "nothing":  # an unknown section is refused with the pack's shape
        assert any(words in fault.message and fault.line == line_with(file, "silent:") + 1 for fault in found)


@pytest.mark.parametrize("told", [3, ["rights"], {"rights": 3}, {"rights": "complaint"}, {"rights": [["a"]]}])
def test_a_silence_of_another_shape_is_refused(write, refused, told):
    assert "silent" in refused(write(lambda tree: tree.update(silent=told)))[0].message


# -- places and digests ----------------------------------------------------------------------------------------


def test_a_place_that_is_not_there_is_told_at_the_deepest_that_is():
    tree = yaml.compose("a:\n  b: 1\n")
    assert [
        line_of(tree, *path) for path in ((), ("a",), ("a", "b"), ("a", "c"), ("x",), ("a", "b", "c"))
    ] == [*(1, 1, 2, 1, 1, 2)]
    assert line_of(None, "a") == 1


def test_a_version_that_was_kept_is_the_same_pack(changed):
    pack = changed(silent(rights=["complaint"]))
    assert decoded(encoded(pack)) == pack


def test_the_digest_is_of_the_meaning(write):
    before = digest(load(HOUSE))
    shuffled = write(lambda tree: tree.update(dict(sorted(tree.items()))))
    assert digest(load(shuffled)) == before
    assert digest(load(write("# a comment\n" + HOUSE.read_text()))) == before
    changed = write(lambda tree: tree["activities"]["history"].update(title="Other"))
    assert digest(load(changed)) != before


def test_the_order_of_activities_means_nothing(write):
    def turn(tree):
        tree["activities"] = dict(reversed(tree["activities"].items()))

    assert digest(load(write(turn))) == digest(load(HOUSE))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda x: st.lists(x) | st.dictionaries(st.text(max_size=5), x),
        max_leaves=8,
    )
)
def test_any_yaml_is_a_pack_or_refused(tmp_path_factory, refused, tree):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump(tree))
    refused(file)


@given(st.text(max_size=60))
def test_any_text_is_a_pack_or_refused(tmp_path_factory, refused, text):
    file = tmp_path_factory.getbasetemp() / "text.yaml"
    file.write_text(text, encoding="utf-8")
    refused(file)


@pytest.mark.parametrize("text", ["effective: 2026-99-99\n", "? [a]\n: b\n"])
def test_what_yaml_can_not_make_a_value_of_is_told(write, refused, text):
    assert refused(write(text))


def test_a_file_that_is_no_text_is_told(write, refused):
    file = write("")
    file.write_bytes(b"pack: \xff\xfe\xfa\n")
    (fault,) = refused(file)
    assert fault.message.startswith("not YAML")
