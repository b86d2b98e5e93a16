"""A pack in another language: the same, in other words, and every text is there."""

import msgspec
import pytest
import yaml

from glassbed.policy import texts
from glassbed.policy.pack import find, load
from glassbed.policy.texts import localized

HOUSE = load(find("house"))
SHIPPED = sorted(find("house").parents[1].glob("*/policy.yaml"))


@pytest.fixture
def said(write):
    """Write the house's pack with one language beside it, and say what is wrong with it."""

    def faults(language, tree, change=lambda tree: None):
        file = write(lambda pack: (pack.update(languages=["en", language]), change(pack)))
        beside = file.with_name(f"{language}.yaml")
        if isinstance(tree, bytes):
            beside.write_bytes(tree)
        elif tree is not None:
            beside.write_text(yaml.dump(tree, allow_unicode=True), encoding="utf-8")
        found = load(file)
        return found, list(texts.faults(file, found))

    return faults


def german():
    """Every text of the house that has to be said, in some other words."""
    tree = {}
    for place, text in texts.of(msgspec.to_builtins(HOUSE)).items():
        at = tree
        for step in place[:-1]:
            at = at.setdefault(step, {})
        at[place[-1]] = f"Auf Deutsch {'{period}' if '{period}' in text else ''}"
    for activity in tree["activities"].values():
        if "grounds" in activity:
            activity["grounds"] = list(activity["grounds"].values())
    return tree


def test_texts_are_what_people_read():
    found = texts.of(msgspec.to_builtins(HOUSE))
    assert {place[0] for place in found} == {
        "title", "summary", "parties", "categories", "activities", "measures", "retention", "choices", "disclosures",
        "rights", "ages", "storage", "log", "staff", "features",
    }  # fmt: skip
    assert found["activities", "statistics", "grounds", "0", "balancing"].startswith("Interest:")
    assert ("log", "fields", "at") in found
    assert ("staff", "reasons", "law") in found
    assert not [
        place
        for place in found
        if place[-1] in {"dpv", "kind", "version", "law"} and place[:-1] != ("staff", "reasons")
    ]


def test_names_and_laws_may_be_said_and_need_not():
    optional = set(texts.of(msgspec.to_builtins(HOUSE), optional=True)) - set(
        texts.of(msgspec.to_builtins(HOUSE))
    )
    assert {place[-1] for place in optional} == {"name", "contact", "law"}


def test_an_entry_that_has_the_name_of_a_section_holds_no_more_texts_than_others():
    tree = {"categories": {"public": {"title": "Public", "dpv": "pd:Name"}, "reasons": {"dpv": "pd:Name"}}}
    assert texts.of(tree) == {("categories", "public", "title"): "Public"}


def test_a_document_keeps_its_name_and_a_region_has_texts_of_its_own():
    tree = {
        "document": {"title": "Notice"},
        "regions": {"eu": {"patch": {"measures": {"gate": "A gate."}, "pack": "x"}}},
    }
    assert texts.of(tree) == {("regions", "eu", "patch", "measures", "gate"): "A gate."}


@pytest.mark.parametrize("language", ["de", "zh-hans"])
def test_the_house_speaks_each_language_in_words_alone(language):
    other = localized(HOUSE, language)
    own, english = (texts.of(msgspec.to_builtins(pack)) for pack in (other, HOUSE))
    same = {place for place in own if own[place] == english[place]}
    assert own.keys() == english.keys()
    assert len(same) < len(own) / 20, same
    for pack in (other, HOUSE):
        for place in texts.of(msgspec.to_builtins(pack), optional=True):
            assert place in texts.of(msgspec.to_builtins(HOUSE), optional=True)
    back = msgspec.to_builtins(other)
    for place, text in texts.of(msgspec.to_builtins(HOUSE), optional=True).items():
        texts._put(back, place, text)
    assert msgspec.convert(back, type(HOUSE)) == HOUSE


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_every_shipped_language_has_every_text_and_none_too_many(file):
    assert list(texts.faults(file, load(file))) == []


def test_english_is_the_pack_itself():
    assert localized(HOUSE, "en") is HOUSE


def test_a_language_beside_the_pack_is_found_in_its_folder(said, tmp_path):
    pack, faults = said("de", german())
    assert faults == []
    assert localized(pack, "de", tmp_path).choices["news"].title == "Auf Deutsch "


def test_where_a_text_is_missing_the_english_one_stands(tmp_path):
    (tmp_path / "de.yaml").write_text("title: Unsere Regeln\nchoices: {gone: {title: Weg}}\n")
    other = localized(HOUSE, "de", tmp_path)
    assert (other.title, other.summary, other.choices.keys()) == (
        "Unsere Regeln",
        HOUSE.summary,
        HOUSE.choices.keys(),
    )
    assert localized(HOUSE, "de", tmp_path / "nowhere") == HOUSE


def test_a_text_that_is_missing_is_told_with_its_line(said):
    tree = german()
    del tree["choices"]["news"]["asks"]
    _, (fault,) = said("de", tree)
    assert fault.message == "choices.news.asks is missing: say it as policy.yaml does"
    assert fault.file.name == "de.yaml"
    assert fault.file.read_text().splitlines()[fault.line - 1].strip() == "news:"


@pytest.mark.parametrize(
    ("section", "key", "extra", "words"),
    [
        ("choices", "spam", {"asks": "Noch mehr?"}, "choices.spam.asks is no text of policy.yaml: drop it"),
        ("retention", "mail", {"days": 9}, "retention.mail.days is no text of policy.yaml: drop it"),
        ("activities", "news", {"logic": "Nichts."}, "activities.news.logic is no text of policy.yaml"),
    ],
)
def test_what_policy_yaml_does_not_have_is_told(said, section, key, extra, words):
    tree = german()
    tree[section].setdefault(key, {}).update(extra)
    _, (fault,) = said("de", tree)
    assert words in fault.message
    assert extra.popitem()[0] in fault.file.read_text().splitlines()[fault.line - 1]


def test_items_of_a_list_keep_their_places(tmp_path):
    statistics = HOUSE.activities["statistics"]
    grounds = (HOUSE.activities["account"].grounds[0], statistics.grounds[0])
    activities = {**HOUSE.activities, "statistics": msgspec.structs.replace(statistics, grounds=grounds)}
    (tmp_path / "de.yaml").write_text("activities: {statistics: {grounds: [{}, {balancing: Abgewogen.}]}}")
    other = localized(msgspec.structs.replace(HOUSE, activities=activities), "de", tmp_path)
    assert [ground.balancing for ground in other.activities["statistics"].grounds] == [None, "Abgewogen."]


def test_a_name_may_be_said(said):
    tree = german()
    tree["parties"]["operator"]["name"] = "Wer dieses Glassbed betreibt"
    assert said("de", tree)[1] == []


def test_a_number_that_repeats_a_field_is_told_in_each_language(said):
    tree = german()
    tree["staff"]["says"] = "Nach 7 Tagen sieht es noch jemand an."
    _, (fault,) = said("de", tree)
    assert "the text repeats the number 7" in fault.message
    assert "Nach 7" in fault.file.read_text().splitlines()[fault.line - 1]


def test_what_can_not_be_a_text_is_told(said):
    tree = german()
    tree["choices"]["news"]["asks"] = "?"
    _, (fault,) = said("de", tree)
    assert fault.message.startswith("a text is too short or none: Expected `str` of length >= 3")


@pytest.mark.parametrize("content", [b"title: [\n", b"title: \xff\xfe\n", b"title: 2026-99-99\n"])
def test_a_language_that_is_no_yaml_is_told(said, content):
    _, (fault,) = said("de", content)
    assert fault.message.startswith("not YAML")


def test_a_key_that_stands_twice_in_a_language_is_told(said):
    twice = yaml.dump(german()).encode() + b"title: Noch einmal\n"
    _, (fault,) = said("de", twice)
    assert fault.message == "'title' stands twice; keep one of them"


def test_a_language_that_says_nothing_misses_everything(said):
    _, faults = said("de", b"")
    assert len(faults) == len(texts.of(msgspec.to_builtins(HOUSE)))


def test_a_language_that_is_promised_and_not_there_is_told(said):
    _, (fault,) = said("de", None)
    assert fault.message == "there is no de.yaml: write it, or drop 'de'"
    assert fault.file.read_text().splitlines()[fault.line - 1] == "languages:"


def test_a_language_that_is_there_and_not_promised_is_told(write):
    file = write(lambda tree: tree.update(languages=["en"]))
    file.with_name("de.yaml").write_text("title: Etwas")
    (fault,) = texts.faults(file, load(file))
    assert fault.message == "de.yaml is there, and 'de' is not listed: add it, or drop the file"


def test_what_the_document_is_silent_on_says_the_house(said, tmp_path):
    def silence(tree):
        del tree["rights"]["complaint"]
        tree["silent"] = {"rights": ["complaint"]}

    tree = german()
    del tree["rights"]["complaint"]
    pack, faults = said("de", tree, silence)
    assert faults == []
    assert localized(pack, "de", tmp_path).rights["complaint"] == localized(HOUSE, "de").rights["complaint"]
    assert said("de", german(), silence)[1][0].message.startswith("rights.complaint.")
