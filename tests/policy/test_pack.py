import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from glassbed.policy import command, pack
from glassbed.policy.pack import Fault, PackRefused, digest, find, line_of, load

HOUSE = find("house")
TREE = yaml.safe_load(HOUSE.read_text())


@pytest.fixture
def write(tmp_path):
    """Write a pack from text, or from the house's tree changed by a function."""

    def written(change):
        file = tmp_path / "policy.yaml"
        if isinstance(change, str):
            file.write_text(change)
        else:
            tree = copy.deepcopy(TREE)
            change(tree)
            file.write_text(yaml.safe_dump(tree, sort_keys=False))
        return file

    return written


def faults(file):
    with pytest.raises(PackRefused) as refusal:
        load(file)
    assert str(refusal.value) == "\n".join(map(str, refusal.value.faults))
    return refusal.value.faults


def line_with(file, text):
    return next(n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line)


def test_the_house_pack_is_sound():
    house = load(HOUSE)
    assert house.pack == "house"
    assert set(house.features) == {"accounts", "printers", "jobs", "library", "traces"}
    assert {c for p in house.purposes.values() for c in pack.listed(p)} == set(house.categories)


def test_no_purpose_of_the_house_that_reaches_everyone_is_open_to_the_web_without_a_reason():
    for purpose in load(HOUSE).purposes.values():
        assert purpose.reach == "own" or purpose.because


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


def test_what_is_no_yaml_is_told_with_its_line(write):
    (fault,) = faults(write("pack: house\ncategories: [\n"))
    assert (fault.line, fault.message[:8]) == (3, "not YAML")


def test_what_has_a_character_that_yaml_can_not_hold_is_told(write):
    (fault,) = faults(write("pack: \x07\n"))
    assert fault.message.startswith("not YAML")


@pytest.mark.parametrize("text", ["", "- a list\n", "just text\n"])
def test_what_is_no_pack_at_all_is_told(write, text):
    (fault,) = faults(write(text))
    assert fault.line == 1


def test_an_unknown_field_is_refused_where_it_stands(write):
    def mistype(tree):
        tree["purposes"]["printing"]["raeds"] = ["account"]

    file = write(mistype)
    (fault,) = faults(file)
    assert "raeds" in fault.message
    assert fault.line == line_with(file, "  printing:")


def test_a_wrong_value_is_refused_where_it_stands(write):
    def change(tree):
        tree["purposes"]["printing"]["basis"] = "because"

    file = write(change)
    (fault,) = faults(file)
    assert fault.line == line_with(file, "basis: because")


def test_a_key_that_no_table_could_have_is_refused(write):
    (fault,) = faults(
        write(lambda tree: tree["purposes"].update({"Print; DROP": tree["purposes"]["printing"]}))
    )
    assert "purposes" in fault.message


def test_a_key_that_stands_twice_is_refused_where_it_stands_again(write):
    text = HOUSE.read_text()
    doubled = text + text[text.index("  printing:") : text.index("  sharing:")].join(("purposes:\n", "\n"))
    found = faults(write(doubled))
    assert "'purposes' stands twice; keep one of them" in [f.message for f in found]
    assert next(f for f in found if "'purposes'" in f.message).line == text.count("\n") + 1


def test_a_key_doubled_deep_inside_is_found_too(write):
    text = HOUSE.read_text().replace("    reads: [account]\n", "    reads: [account]\n    reads: [mail]\n")
    (fault, *_) = faults(write(text))
    assert fault.message == "'reads' stands twice; keep one of them"


def invariants():
    """What is wrong → how to make it so, and the key where it is told."""

    def of(section, key, **fields):
        return lambda tree: tree[section][key].update(fields)

    return {
        "is used by no purpose": (
            lambda tree: tree["categories"].update(
                spare={"title": "Spare", "holds": "nothing at all", "dpv": "pd:Name"}
            ),
            "  spare:",
        ),
        "lists 'shoes', which is no category": (of("purposes", "sharing", reads=["shoes"]), "  sharing:"),
        "lists a category twice": (of("purposes", "mailing", reads=["mail"]), "  mailing:"),
        "does not say why: add 'because'": (of("purposes", "mailing", because=None), "  mailing:"),
        "add its 'balancing' test": (of("purposes", "account", basis="legitimate_interest"), "  account:"),
        "retention 'mail': a period has 'days'": (of("retention", "mail", days=None), "  mail:"),
        "retention 'with_account': a period has": (
            of("retention", "with_account", days=3),
            "  with_account:",
        ),
    }


@pytest.mark.parametrize("message", invariants())
def test_an_invariant_that_does_not_hold_is_told_where(write, message):
    change, place = invariants()[message]
    file = write(change)
    found = faults(file)
    assert any(message in fault.message for fault in found)
    fault = next(fault for fault in found if message in fault.message)
    lines = [n for n, line in enumerate(file.read_text().splitlines(), 1) if line == place]
    assert fault.line in lines


def test_legitimate_interest_with_its_balancing_test_is_fine(write):
    def balance(tree):
        tree["purposes"]["account"].update(basis="legitimate_interest", balancing="It harms nobody.")

    assert load(write(balance)).purposes["account"].balancing


def test_more_purposes_than_bits_are_refused(write):
    def multiply(tree):
        tree["purposes"].update(
            {f"extra_{n}": tree["purposes"]["printing"] for n in range(pack.PURPOSE_LIMIT)}
        )

    assert any("the limit is 62" in fault.message for fault in faults(write(multiply)))


def test_every_fault_is_told_at_once(write):
    def spoil(tree):
        tree["purposes"]["mailing"]["because"] = None
        tree["retention"]["mail"]["days"] = None

    assert len(faults(write(spoil))) == 2


def test_a_place_that_is_not_there_is_told_at_the_deepest_that_is():
    tree = yaml.compose("a:\n  b: 1\n")
    assert [
        line_of(tree, *path) for path in ((), ("a",), ("a", "b"), ("a", "c"), ("x",), ("a", "b", "c"))
    ] == [*(1, 1, 2, 1, 1, 2)]
    assert line_of(None, "a") == 1


def test_the_digest_is_of_the_meaning(write):
    before = digest(load(HOUSE))
    shuffled = write(lambda tree: tree.update(dict(sorted(tree.items()))))
    assert digest(load(shuffled)) == before
    assert digest(load(write("# a comment\n" + HOUSE.read_text()))) == before
    changed = write(lambda tree: tree["purposes"]["mailing"].update(title="Other"))
    assert digest(load(changed)) != before


def test_the_digest_tells_the_order_of_purposes_apart(write):
    """The order is the order of the bits: another one is another policy."""

    def turn(tree):
        tree["purposes"] = dict(reversed(tree["purposes"].items()))

    assert digest(load(write(turn))) != digest(load(HOUSE))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda x: st.lists(x) | st.dictionaries(st.text(max_size=5), x),
        max_leaves=8,
    )
)
def test_any_yaml_is_a_pack_or_refused(tmp_path_factory, tree):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump(tree))
    faults(file)


@given(st.text(max_size=60))
def test_any_text_is_a_pack_or_refused(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "text.yaml"
    file.write_text(text, encoding="utf-8")
    faults(file)


def test_the_command_says_that_a_pack_is_sound(capsys):
    assert command.main(["check"]) == 0
    house = load(HOUSE)
    counts = f"{len(house.categories)} categories, {len(house.purposes)} purposes"
    assert capsys.readouterr().out == f"house {house.version}: {counts}, sound.\n"


def test_the_command_says_what_is_wrong_with_file_and_line(write, capsys):
    file = write(lambda tree: tree["purposes"]["mailing"].update(because=None))
    assert command.main(["check", str(file.parent)]) == 1
    assert (
        f"{file}:{line_with(file, '  mailing:')}: purpose 'mailing' reaches everyone"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("text", ["effective: 2026-99-99\n", "? [a]\n: b\n"])
def test_what_yaml_can_not_make_a_value_of_is_told(write, text):
    assert faults(write(text))


def test_a_file_that_is_no_text_is_told(write):
    file = write("")
    file.write_bytes(b"pack: \xff\xfe\xfa\n")
    (fault,) = faults(file)
    assert fault.message.startswith("not YAML")
