"""What a change of a pack does to people: every kind, in both directions."""

import copy

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from glassbed.policy import texts
from glassbed.policy.diff import asks_again, changes
from glassbed.policy.pack import find, load
from glassbed.policy.vocabulary import Pack

TREE = yaml.load(find("house").read_text(), Loader=yaml.CSafeLoader)
INTEREST = {"basis": "legitimate_interest", "balancing": "It harms nobody."}
REGION = {"countries": ["DE"], "because": "The law says so.", "patch": {}}
BACK = {"widens": "narrows", "narrows": "widens", "neutral": "neutral"}
PERIOD = {"title": "A", "says": "Kept {period}.", "kind": "period", "days": 7}
LEGAL = {**PERIOD, "kind": "legal", "law": "A law"}
OPEN = {"title": "A", "says": "Kept.", "kind": "with_account"}


def pack(*changed):
    """The house's pack with values put at paths; None takes an entry away."""
    tree = copy.deepcopy(TREE)
    for path, value in changed:
        at = tree
        for step in path.split("/")[:-1]:
            at = at[step]
        last = path.split("/")[-1]
        if value is None:
            at.pop(last, None)
        else:
            at[last] = copy.deepcopy(value)
    return msgspec.convert(tree, Pack)


HOUSE = pack()

# path, value before, value after, what it does, words of it; None: as the house has it
STEPS = {
    "an activity is dropped": ("activities/news", ..., None, "narrows", "activity news: is dropped"),
    "a category more": (
        "activities/statistics/categories/usage",
        None,
        {"origin": ["observed"]},
        "widens",
        "activity statistics, categories: also usage",
    ),
    "a category is needed": (
        "activities/account/categories/profile/necessity",
        "optional",
        "required",
        "widens",
        "optional → required",
    ),
    "a category from elsewhere": (
        "activities/news/categories/contact/origin",
        ["provided"],
        ["third_party", "provided"],
        "widens",
        "activity news, categories, contact, origin: also third_party",
    ),
    "a purpose more": ("activities/history/purposes", [], ["recording"], "widens", "also recording"),
    "a recipient more": (
        "activities/statistics/recipients",
        [],
        ["mail_server"],
        "widens",
        "also mail_server",
    ),
    "people more": (
        "activities/news/subjects",
        ["account_holder"],
        ["account_holder", "guest"],
        "widens",
        "also guest",
    ),
    "a hold no longer stops it": (
        "activities/history/despite",
        [],
        ["restriction"],
        "widens",
        "also restriction",
    ),
    "a measure less": (
        "activities/news/measures",
        ["gate", "ledger"],
        ["gate"],
        "widens",
        "no longer ledger",
    ),
    "profiles": ("activities/history/automation", "none", "profiling", "widens", "none → profiling"),
    "decisions": ("activities/history/automation", "profiling", "decision", "widens", "profiling → decision"),
    "a contract becomes consent": (
        "activities/history/grounds",
        [{"basis": "contract"}],
        [{"basis": "consent"}],
        "narrows",
        "activity history, grounds: contract → consent for device, usage, print",
    ),
    "consent becomes an interest": (
        "activities/history/grounds",
        [{"basis": "consent"}],
        [INTEREST],
        "widens",
        "consent → legitimate_interest",
    ),
    "an interest becomes a contract": (
        "activities/history/grounds",
        [INTEREST],
        [{"basis": "contract"}],
        "widens",
        "legitimate_interest → contract",
    ),
    "a law takes rights": (
        "activities/history/grounds",
        [{"basis": "contract"}],
        [{"basis": "legal_obligation", "law": "A law"}],
        "widens",
        "contract → legal_obligation",
    ),
    "consent only in a case": (
        "activities/history/grounds",
        [{"basis": "contract"}, {"basis": "consent", "when": "far away"}],
        [{"basis": "contract", "when": "near"}, {"basis": "consent", "when": "far away"}],
        "narrows",
        "contract or consent → contract or consent",
    ),
    "a way out more": ("disclosures/news", None, ..., "widens", "disclosure news: is new"),
    "a field more": (
        "disclosures/news/fields",
        ["to"],
        ["to", "text"],
        "widens",
        "disclosure news, fields: also text",
    ),
    "a category more leaves": (
        "disclosures/share/categories",
        ["device"],
        ["device", "profile"],
        "widens",
        "also profile",
    ),
    "goes abroad": (
        "parties/mail_server/country",
        "chosen",
        "US",
        "widens",
        "party mail_server, country: chosen → US",
    ),
    "leaves the house": ("parties/mail_server/country", "instance", "chosen", "widens", "instance → chosen"),
    "is a partner": ("parties/mail_server/role", "processor", "partner", "widens", "processor → partner"),
    "a category covers more": (
        "categories/account/covers",
        ["account"],
        ["account", "contact"],
        "widens",
        "also contact",
    ),
    "a category covers not only its name": (
        "categories/mail/covers",
        None,
        ["mail", "contact"],
        "widens",
        "also contact",
    ),
    "a longer period": ("retention/mail/days", 7, 30, "widens", "retention, mail, days: 7 → 30"),
    "a period becomes a law": ("retention/mail", PERIOD, LEGAL, "widens", "period → legal"),
    "a period becomes endless": ("retention/mail", PERIOD, OPEN, "widens", "period → with_account"),
    "kept until the account goes": (
        "retention/until_removed/kind",
        "until_removed",
        "with_account",
        "widens",
        "→ with_account",
    ),
    "nobody is asked": ("choices/statistics", ..., None, "widens", "choice statistics: is dropped"),
    "a signal less": (
        "choices/news/signals",
        ["gpc", "dnt"],
        ["gpc"],
        "widens",
        "choice news, signals: no longer dnt",
    ),
    "a consent lasts": ("choices/news/valid_days", 730, None, "widens", "730 → without end"),
    "a signal is not heeded": ("signals/dnt", True, False, "widens", "signal dnt: True → False"),
    "a right less": ("rights/access", ..., None, "widens", "right access: is dropped"),
    "a slower answer": ("rights/access/months", 0, 1, "widens", "right access, months: 0 → 1"),
    "a longer extension": ("rights/access/extension_months", 1, 2, "widens", "1 → 2"),
    "asked less often": ("rights/access/repeat_days", 30, 90, "widens", "30 → 90"),
    "a reason more to refuse": (
        "rights/erasure/refusals",
        ["justifications:LegalObligation"],
        ["justifications:LegalObligation", "justifications:ProcessExcessive"],
        "widens",
        "also justifications:ProcessExcessive",
    ),
    "a harder proof": ("rights/access/identity", "password", "document", "widens", "password → document"),
    "no longer by oneself": ("rights/access/self_service", True, False, "widens", "True → False"),
    "a lower age": ("ages/fallback", 16, 13, "widens", "ages, fallback: 16 → 13"),
    "children come in": ("ages/below", "refused", "guardian", "widens", "refused → guardian"),
    "children wait longer": ("ages/freeze_days", 30, 60, "widens", "30 → 60"),
    "something more is public": (
        "public",
        {},
        {"makes": "Makes are public."},
        "widens",
        "public, makes: is new",
    ),
    "storage more": ("storage/glassbed.theme", None, ..., "widens", "storage, glassbed.theme: is new"),
    "storage for more": (
        "storage/glassbed.theme/grade",
        "necessary",
        "marketing",
        "widens",
        "necessary → marketing",
    ),
    "storage for longer": ("storage/glassbed.theme/lifetime_days", 30, 365, "widens", "30 → 365"),
    "a log's field more": (
        "log/fields",
        {"at": "When, UTC."},
        {"at": "When, UTC.", "person": "Who."},
        "widens",
        "log, fields: also person",
    ),
    "a log for longer": ("log/keep_days", 14, 90, "widens", "log, keep_days: 14 → 90"),
    "addresses for longer": ("log/truncate_addresses_after_days", 0, 7, "widens", "0 → 7"),
    "a reason more to look": (
        "staff/reasons",
        {"law": "A law."},
        {"law": "A law.", "bored": "They are bored."},
        "widens",
        "staff, reasons: also bored",
    ),
    "a longer look": ("staff/minutes", 30, 60, "widens", "30 → 60"),
    "a later review": ("staff/review_days", 7, 30, "widens", "7 → 30"),
    "a later notice of a breach": ("incident/people_hours", 72, 720, "widens", "72 → 720"),
    "the authority hears later": ("incident/authority_hours", 24, 72, "widens", "24 → 72"),
    "a feature is on": ("features/jobs/on", False, True, "widens", "feature jobs, on: False → True"),
    "a feature for more": (
        "features/jobs/activities",
        ["printing"],
        ["printing", "news"],
        "widens",
        "also news",
    ),
    "a feature more": ("features/jobs", None, ..., "widens", "feature jobs: is new"),
    "words": (
        "activities/news/says",
        "We write.",
        "We may write.",
        "neutral",
        "activity news, says: worded otherwise",
    ),
    "a law's name": (
        "retention/proof/law",
        "One law",
        "Another",
        "neutral",
        "retention, proof, law: worded otherwise",
    ),
    "the means": (
        "disclosures/news/means",
        "smtp",
        "https",
        "neutral",
        "disclosure news, means: smtp → https",
    ),
    "the languages": ("languages", ["en"], ["en", "de"], "neutral", "languages: en → de, en"),
    "the version": ("version", "1", "2", "neutral", "version: 1 → 2"),
    "the mechanism": (
        "parties/mail_server/mechanism",
        "contract",
        "adequacy",
        "neutral",
        "contract → adequacy",
    ),
    "who oversees": ("parties/authority/role", "authority", "officer", "neutral", "authority → officer"),
    "a party that gets nothing": (
        "parties/dpo",
        None,
        {"role": "officer", "name": "Somebody", "does": "Looks after it.", "country": "DE"},
        "neutral",
        "party dpo: is new",
    ),
    "a feature that is off": (
        "features/jobs",
        None,
        {"title": "Prints", "says": "Off.", "on": False, "activities": []},
        "neutral",
        "feature jobs: is new",
    ),
    "what the document is silent on": (
        "silent",
        {},
        {"rights": ["access"]},
        "neutral",
        "silent, rights: None → access",
    ),
    "special data": (
        "categories/print/special",
        None,
        "biometric",
        "neutral",
        "category print, special: None → bio",
    ),
}


def at(path, value):
    return pack() if value is ... else pack((path, value))


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_told_in_both_directions(name):
    path, before, after, effect, words = STEPS[name]
    old, new = at(path, before), at(path, after)
    there = [change for change in changes(old, new) if words in change.words]
    assert [change.effect for change in there] == [effect]
    assert path.split("/")[: len(there[0].path)] == list(there[0].path)[: len(path.split("/"))]
    back = [change for change in changes(new, old) if change.path == there[0].path]
    assert [change.effect for change in back] == [BACK[effect]]


def test_no_difference_is_no_change():
    assert changes(HOUSE, HOUSE) == []
    assert asks_again(HOUSE, HOUSE) == set()


def test_another_country_abroad_is_another_transfer():
    old, new = pack(("parties/mail_server/country", "US")), pack(("parties/mail_server/country", "CN"))
    assert [change.effect for change in (*changes(old, new), *changes(new, old))] == ["widens", "widens"]


def test_a_recipient_in_another_country_is_a_transfer():
    mail, guest = ("parties/mail_server/country", "US"), ("parties/guest/country", "US")
    none, one, two = (
        pack(mail, guest, ("activities/statistics/recipients", list(recipients)))
        for recipients in ((), ("guest",), ("guest", "mail_server"))
    )
    there, back, second, second_back = (
        {(change.words, change.effect) for change in changes(old, new)}
        for old, new in ((none, one), (one, none), (one, two), (two, one))
    )
    first = "activity statistics, recipients"
    assert there == {(f"{first}: also guest", "widens"), (f"{first}: data now goes to US", "widens")}
    assert back == {
        (f"{first}: no longer guest", "narrows"),
        (f"{first}: data no longer goes to US", "narrows"),
    }
    assert second == {(f"{first}: also mail_server", "widens")}
    assert second_back == {(f"{first}: no longer mail_server", "narrows")}


def test_another_receiver_purpose_or_choice_is_wider_either_way():
    for path, one, other in (
        ("activities/history/dpv", "dpv:Payment", "dpv:RecordManagement"),
        ("disclosures/news/to", "mail_server", "guest"),
        ("disclosures/news/activity", "news", "messages"),
        ("choices/news/activity", "news", "statistics"),
        ("storage/glassbed.theme/choice", "news", "statistics"),
    ):
        for old, new in ((one, other), (other, one)):
            (change,) = changes(pack((path, old)), pack((path, new)))
            assert (change.effect, change.words.split(": ")[1]) == ("widens", f"{old} → {new}")


def test_a_ground_that_gives_the_same_rights_is_neutral():
    old = pack(("activities/history/grounds", [{"basis": "legal_obligation", "law": "A law"}]))
    new = pack(
        ("activities/history/grounds", [{"basis": "contract"}, {"basis": "legal_obligation", "law": "A law"}])
    )
    same = pack(
        ("activities/history/grounds", [{"basis": "legal_obligation", "law": "A law"}, {"basis": "contract"}])
    )
    assert next(change.effect for change in changes(old, new)) == "narrows"
    assert next(change.effect for change in changes(new, same)) == "neutral"


def test_a_choice_that_comes_with_its_activity_is_no_gain_by_itself():
    old = pack(("activities/news", None), ("choices/news", None), ("disclosures/news", None))
    effects = {change.path: change.effect for change in changes(old, HOUSE)}
    assert effects == {
        ("activities", "news"): "widens",
        ("choices", "news"): "neutral",
        ("disclosures", "news"): "widens",
    }


def test_the_order_of_entries_and_of_lists_means_nothing():
    turned = {key: TREE["activities"][key] for key in reversed(TREE["activities"])}
    measures = list(reversed(TREE["activities"]["news"]["measures"]))
    assert changes(HOUSE, pack(("activities", turned), ("activities/news/measures", measures))) == []


def test_a_change_says_whom_it_concerns():
    def concerned(path, value):
        (change,) = changes(HOUSE, pack((path, value)))
        return change.subjects

    assert concerned("activities/history/automation", "profiling") == ("account_holder", "guest")
    assert concerned("parties/guest/country", "US") == ("account_holder", "guest")
    assert concerned("disclosures/news/fields", ["to"]) == ("account_holder",)
    assert concerned("categories/usage/covers", []) == ("account_holder", "guardian", "guest")
    assert concerned("choices/news/valid_days", 30) == ("account_holder",)
    assert concerned("features/jobs/on", False) == ("account_holder", "guest")
    assert concerned("ages/freeze_days", 10) == ("account_holder", "guardian")
    assert concerned("log/keep_days", 90) == ("account_holder", "guardian", "guest", "visitor")
    assert concerned("staff/minutes", 60) == ("account_holder", "guardian", "guest")
    assert concerned("title", "Another") == ("account_holder", "guardian", "guest")
    region = pack(("regions", {"one": {**REGION, "patch": {"ages": {"fallback": 13}}}}))
    (there,) = [change for change in changes(HOUSE, region) if change.effect == "widens"]
    assert (there.path[3:], there.subjects) == (("ages", "fallback"), ("account_holder", "guardian"))


def test_what_changes_in_a_region_alone_is_told_there():
    strict = {"one": {**REGION, "patch": {"ages": {"fallback": 18}, "log": {"keep_days": 1}}}}
    less = {"one": {**REGION, "patch": {"ages": {"fallback": 18}}}}
    (first, second) = [c for c in changes(HOUSE, pack(("regions", strict))) if c.effect == "narrows"]
    assert first.path == ("regions", "one", "patch", "log", "keep_days") or second.path[-1] == "keep_days"
    (change,) = changes(pack(("regions", strict)), pack(("regions", less)))
    assert change.path == ("regions", "one", "patch", "log", "keep_days")
    assert (change.words, change.effect) == ("region one, log, keep_days: 1 → 14", "widens")
    assert {c.effect for c in changes(pack(("regions", strict)), HOUSE)} == {"widens", "neutral"}


def test_what_changes_everywhere_is_not_told_again_in_a_region():
    regions = {"one": {**REGION, "patch": {"ages": {"fallback": 18}}}}
    (change,) = changes(pack(("regions", regions)), pack(("regions", regions), ("log/keep_days", 90)))
    assert change.path == ("log", "keep_days")


# -- who has to agree anew -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("activities/news/categories/usage", {"origin": ["observed"]}, {"news"}),
        ("activities/news/recipients", ["mail_server", "guest"], {"news"}),
        ("activities/news/automation", "profiling", {"news"}),
        ("disclosures/news/fields", ["to", "subject", "text", "unsubscribe", "opened"], {"news"}),
        ("parties/mail_server/country", "US", {"news"}),
        ("categories/contact/covers", ["contact", "profile"], {"news"}),
        ("choices/news/valid_days", 3650, {"news"}),
        ("activities/history/grounds", [{"basis": "consent"}], {"history"}),
        ("activities/statistics/grounds", [{"basis": "consent"}], {"statistics"}),
        ("regions", {"one": {**REGION, "patch": {"parties": {"mail_server": {"country": "US"}}}}}, {"news"}),
        ("activities/news/says", "Other words.", set()),
        ("activities/news/grounds", [INTEREST], set()),
        ("activities/news/categories/mail", None, set()),
        ("activities/history/recipients", ["guest"], set()),
        ("choices/news/signals", [], set()),
        ("features/jobs/activities", ["printing", "history", "news"], set()),
        ("retention/mail/days", 700, set()),
    ],
)
def test_people_agree_anew_where_the_scope_of_a_consent_has_widened(path, value, expected):
    assert asks_again(HOUSE, pack((path, value))) == expected


def test_people_agree_anew_to_an_activity_that_is_new():
    assert asks_again(pack(("activities/news", None)), HOUSE) == {"news"}
    assert asks_again(HOUSE, pack(("activities/news", None))) == set()


# -- nothing goes unsaid ---------------------------------------------------------------------------------------

PLACES = sorted(texts.of(TREE, optional=True))


@given(st.sampled_from(PLACES), st.text("abc", min_size=3, max_size=9))
def test_every_text_that_differs_is_told_once_and_is_neutral(place, text):
    tree = copy.deepcopy(TREE)
    texts._put(tree, place, text)
    (change,) = changes(HOUSE, msgspec.convert(tree, Pack))
    assert (change.path, change.effect) == (place, "neutral")


@pytest.mark.parametrize(
    "file", sorted(find("house").parents[1].glob("*/policy.yaml")), ids=lambda f: f.parent.name
)
def test_what_any_shipped_pack_does_otherwise_than_the_house_can_be_told(file):
    other = load(file)
    there, back = changes(HOUSE, other), changes(other, HOUSE)
    assert len({change.path for change in there} ^ {change.path for change in back}) == 0
    assert bool(there) == (other.pack != "house")
