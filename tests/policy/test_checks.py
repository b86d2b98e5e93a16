"""Each fault of a pack is told where it stands. What is checked where: `CHECKED`."""

import copy
from pathlib import Path

import msgspec
import pytest
import yaml

from glassbed.policy import checks
from glassbed.policy.checks import BIT_LIMIT
from glassbed.policy.pack import find, line_of, load
from glassbed.policy.vocabulary import Pack

ROOT = Path(checks.__file__).parents[2]
TREE = yaml.load(find("house").read_text(), Loader=yaml.CSafeLoader)

CHECKED = {
    "every column is bound, or not personal for a reason": "glassbed/policy/compile.py: check_bindings",
    "every bound table reaches a person": "glassbed/policy/compile.py: check_bindings",
    "every category is in an activity, and every activity's in the pack": "glassbed/policy/checks.py: _kinds",
    "one basis for a category of an activity": "glassbed/policy/checks_activities.py: _categories_grounds",
    "consent, interest, law and special data have what they need": "glassbed/policy/checks_activities.py: _reasons",
    "rights follow from the bases": "glassbed/policy/checks_people.py: _rights",
    "portable is what was provided or observed under contract or consent": "glassbed/policy/rights_matrix.py: portable",
    "what is derived is never portable": "glassbed/policy/rights_matrix.py: portable",
    "what a law keeps has the law and an end": "glassbed/policy/checks.py: _retention",
    "a table is kept no longer than its activities need": None,
    "the order of erasure has no cycle and no orphan": None,
    "a party abroad has a mechanism": "glassbed/policy/checks_parties.py: _transfer",
    "a recipient in the code is declared, and a declared one is used": "glassbed/policy/checks_parties.py: faults",
    "storage that a browser shows is declared, and the other way round": None,
    "a role's grants are its categories' tables": "glassbed/foundation/drift.py: _grants",
    "every personal table forces row security": "glassbed/foundation/drift.py: _forced",
    "views and functions run as who calls them": "glassbed/foundation/drift.py: _catalogue",
    "who is asked stands in every policy": "glassbed/foundation/drift.py: _policies",
    "the notice says all of Art. 13 and 14 in each language": "glassbed/policy/texts.py: faults",
    "a number in a text comes from a field": "glassbed/policy/checks_words.py: _text",
    "what a change widens is asked for again": "glassbed/policy/diff.py: asks_again",
    "a right has a deadline and reasons to refuse": "glassbed/policy/checks_people.py: _right",
    "who is only mentioned is never shown to others": "glassbed/policy/compile.py: self_rule",
    "clocks after a breach are total": "glassbed/policy/checks_parties.py: _answering",
    "who looks has a reason and an end": "glassbed/policy/checks_people.py: _staff",
}
"""The 25 invariants of the model → what checks them here; None: not within a pack, and the tests of what runs do."""


def test_every_invariant_has_its_place():
    assert len(CHECKED) == 25
    for place in filter(None, CHECKED.values()):
        file, _, function = place.partition(": ")
        assert (ROOT / file).is_file(), place
        assert f"def {function}" in (ROOT / file).read_text(), place


def of(*path, **fields):
    """A change of the entry at a path."""

    def change(tree):
        for step in path:
            tree = tree[step]
        tree.update(copy.deepcopy(fields))

    return change


def without(*path):
    def change(tree):
        *steps, last = path
        for step in steps:
            tree = tree[step]
        del tree[last]

    return change


def both(*several):
    def change(tree):
        for one in several:
            one(tree)

    return change


GUEST = {"role": "partner", "name": "Ads Inc.", "does": "Shows advertising.", "country": "US"}
INTEREST = {"basis": "legitimate_interest", "balancing": "It harms nobody."}
REGION = {"countries": ["DE"], "because": "The law says so.", "patch": {}}
STATISTICS_TOO = {
    "activity": "statistics",
    "title": "Count",
    "asks": "Count my prints.",
    "without": "They are not counted.",
}

# words of the fault → how to make it, and the entry where it is told
FAULTS = {
    "used by no activity": (
        of("categories", spare={"title": "S", "holds": "nothing", "dpv": "pd:Name", "covers": []}),
        ("categories", "spare"),
    ),
    "'shoes' is no kind of data": (
        of("categories", "mail", covers=["mail", "shoes"]),
        ("categories", "mail", "covers"),
    ),
    "'mail' stands in 'account' and 'mail'": (
        of("categories", "account", covers=["account", "mail"]),
        ("categories", "mail"),
    ),
    "no category covers 'key'": (
        both(of("categories", "key", covers=[]), of("activities", "printing", purposes=[])),
        ("categories",),
    ),
    "'shoes' is no category of this pack": (
        of("activities", "history", "categories", shoes={"origin": ["provided"]}),
        ("activities", "history", "categories", "shoes"),
    ),
    "Name its 'origin'": (
        of("activities", "history", "categories", print={"origin": []}),
        ("activities", "history", "categories", "print"),
    ),
    "'fly' is no purpose of the program": (
        of("activities", "history", purposes=["recording", "fly"]),
        ("activities", "history", "purposes"),
    ),
    "'news' runs under 'news' too": (
        of("activities", "statistics", purposes=["statistics", "news"]),
        ("activities", "statistics", "purposes"),
    ),
    "purpose 'recording' needs print:": (
        without("activities", "history", "categories", "print"),
        ("activities", "history", "categories"),
    ),
    "'ghost' is no party of this pack": (
        of("activities", "history", recipients=["ghost"]),
        ("activities", "history", "recipients"),
    ),
    "'luck' is no measure": (
        of("activities", "history", measures=["luck"]),
        ("activities", "history", "measures"),
    ),
    "has no legal basis": (of("activities", "history", grounds=[]), ("activities", "history", "grounds")),
    "a ground of 'history' names 'mail'": (
        of(
            "activities",
            "history",
            grounds=[{"basis": "contract"}, {"basis": "vital_interest", "categories": ["mail"]}],
        ),
        ("activities", "history", "grounds"),
    ),
    "no ground of 'history' is for 'print'": (
        of("activities", "history", grounds=[{"basis": "contract", "categories": ["device", "usage"]}]),
        ("activities", "history", "grounds"),
    ),
    "'print' has several grounds in 'history'": (
        of("activities", "history", grounds=[{"basis": "contract"}, {"basis": "vital_interest"}]),
        ("activities", "history", "grounds"),
    ),
    "asks for consent and for objection": (
        of(
            "activities",
            "news",
            grounds=[
                {"basis": "consent", "categories": ["contact"]},
                {**INTEREST, "categories": ["mail", "ledger"]},
            ],
        ),
        ("activities", "news", "grounds"),
    ),
    "add its 'balancing' test": (
        of("activities", "statistics", grounds=[{"basis": "legitimate_interest"}]),
        ("activities", "statistics", "grounds"),
    ),
    "cite it under 'law'": (
        of("activities", "rights", grounds=[{"basis": "legal_obligation"}]),
        ("activities", "rights", "grounds"),
    ),
    "'print' is biometric data, which can't rest on contract": (
        of("categories", "print", special="biometric"),
        ("activities", "history", "grounds"),
    ),
    "'contact' is criminal data, which can't rest on consent": (
        of("categories", "contact", special="criminal"),
        ("activities", "news", "grounds"),
    ),
    "say under 'logic' how it comes about": (
        of("activities", "history", automation="profiling"),
        ("activities", "history"),
    ),
    "has a logic and no automation": (
        of("activities", "history", logic="By the stars."),
        ("activities", "history", "logic"),
    ),
    f"the limit is {BIT_LIMIT}": (
        lambda tree: tree["activities"].update(
            {f"extra_{n}": {**tree["activities"]["history"], "purposes": []} for n in range(BIT_LIMIT)}
        ),
        ("activities",),
    ),
    "'flying' is no activity of this pack": (of("choices", "news", activity="flying"), ("choices", "news")),
    "'statistics' asks for 'statistics' already": (of("choices", again=STATISTICS_TOO), ("choices", "again")),
    "rests on consent or legitimate interest: add a choice": (
        without("choices", "statistics"),
        ("activities", "statistics"),
    ),
    "activity 'history' asks nobody": (
        of("choices", history={**STATISTICS_TOO, "activity": "history"}),
        ("choices", "history"),
    ),
    "only a consent runs out": (
        of("choices", "statistics", valid_days=30),
        ("choices", "statistics", "valid_days"),
    ),
    "'dnt' counts as no here, and is off": (of("signals", dnt=False), ("choices", "news", "signals")),
    "no right answers Art. 18 GDPR, for every activity": (without("rights", "restriction"), ("rights",)),
    "no right answers Art. 7(3) GDPR, for 'news'": (without("rights", "withdrawal"), ("rights",)),
    "needs a deadline: add 'months'": (
        of("rights", "access", months=0, self_service=False),
        ("rights", "access", "months"),
    ),
    "Art. 12(3) GDPR gives one month": (of("rights", "access", months=2), ("rights", "access")),
    "name the reasons under 'refusals'": (of("rights", "access", refusals=[]), ("rights", "access")),
    "'dpv:Access' is no reason to refuse": (
        of("rights", "access", refusals=["dpv:Access"]),
        ("rights", "access", "refusals"),
    ),
    "name under 'choice' the consent that it waits for": (
        of("storage", "glassbed.theme", grade="analytics"),
        ("storage", "glassbed.theme"),
    ),
    "'nothing' is no choice of this pack": (
        of("storage", "glassbed.theme", grade="analytics", choice="nothing"),
        ("storage", "glassbed.theme", "choice"),
    ),
    "what is necessary waits for no choice": (
        of("storage", "glassbed.theme", choice="news"),
        ("storage", "glassbed.theme", "choice"),
    ),
    "choice 'statistics' is no consent": (
        of("storage", "glassbed.theme", grade="analytics", choice="statistics"),
        ("storage", "glassbed.theme", "choice"),
    ),
    "'dreams' is no activity of this pack": (
        of("features", "jobs", activities=["printing", "dreams"]),
        ("features", "jobs", "activities"),
    ),
    "nobody may look without a reason": (of("staff", reasons={}), ("staff", "reasons")),
    "nobody answers for the data": (of("parties", "operator", role="officer"), ("parties",)),
    "no authority for complaints": (of("parties", "authority", role="officer"), ("parties",)),
    "controller 'operator' can't be reached": (
        of("parties", "operator", contact=None),
        ("parties", "operator"),
    ),
    "data goes to US: say under 'mechanism'": (
        of("parties", "mail_server", country="US", mechanism=None),
        ("parties", "mail_server"),
    ),
    "'ads' gets nothing": (of("parties", ads=GUEST), ("parties", "ads")),
    "name its file beside the pack under 'safeguards'": (
        of("parties", "mail_server", mechanism="standard_clauses"),
        ("parties", "mail_server"),
    ),
    "is no name of a file beside the pack": (
        of("parties", "mail_server", safeguards="../clauses.pdf"),
        ("parties", "mail_server", "safeguards"),
    ),
    "there is no file 'clauses.pdf'": (
        of("parties", "mail_server", mechanism="standard_clauses", safeguards="clauses.pdf"),
        ("parties", "mail_server", "safeguards"),
    ),
    "'nobody' is no party": (of("disclosures", "news", to="nobody"), ("disclosures", "news", "to")),
    "'naps' is no activity": (
        of("disclosures", "news", activity="naps"),
        ("disclosures", "news", "activity"),
    ),
    "'guest' is no recipient of 'news'": (
        of("disclosures", "news", to="guest"),
        ("disclosures", "news", "to"),
    ),
    "'print' is not in activity 'news'": (
        of("disclosures", "news", categories=["mail", "print"]),
        ("disclosures", "news", "categories"),
    ),
    "a way out without a field": (of("disclosures", "news", fields=[]), ("disclosures", "news", "fields")),
    "the program sends printer, level by 'share': declare it": (
        without("disclosures", "share"),
        ("disclosures",),
    ),
    "the program sends to, subject, text by 'mail': list exactly these": (
        of("disclosures", "mail", fields=["to", "subject"]),
        ("disclosures", "mail", "fields"),
    ),
    "retention 'mail': a period has 'days'": (of("retention", "mail", days=None), ("retention", "mail")),
    "retention 'with_account': a period has": (
        of("retention", "with_account", days=3),
        ("retention", "with_account"),
    ),
    "retention 'proof' rests on a law": (of("retention", "proof", law=None), ("retention", "proof")),
    "'pd:Nmae' is no term of DPV 2.3: pd:Name": (
        of("categories", "profile", dpv="pd:Nmae"),
        ("categories", "profile", "dpv"),
    ),
    "'dpv:Zzzzzzzzzz' is no term of DPV 2.3: look into dpv.txt": (
        of("activities", "news", dpv="dpv:Zzzzzzzzzz"),
        ("activities", "news", "dpv"),
    ),
    "'justifications:Mood' is no term": (
        of("rights", "access", refusals=["justifications:Mood"]),
        ("rights", "access", "refusals"),
    ),
    "there is no day 2026-02-30": (
        of("effective", new_people="2026-02-30", existing_people="2026-02-30"),
        ("effective", "new_people"),
    ),
    "there is no day 2026-00-01": (
        of(document={"title": "Notice", "version": "1", "dated": "2026-00-01"}),
        ("document", "dated"),
    ),
    "earlier than for new ones": (of("effective", existing_people="2026-01-01"), ("effective",)),
    "DE stands in 'one' and 'two'": (of(regions={"one": REGION, "two": REGION}), ("regions", "two")),
    "with this patch it is no pack": (
        of(regions={"one": {**REGION, "patch": {"staff": {"minutes": 9999}}}}),
        ("regions", "one", "patch"),
    ),
    "Art. 12(3) GDPR gives one month, ": (
        of(regions={"one": {**REGION, "patch": {"rights": {"access": {"months": 3}}}}}),
        ("regions", "one", "patch", "rights", "access"),
    ),
    "a number in words can contradict the field": (
        of("retention", "mail", says="Removed after 8 days."),
        ("retention", "mail", "says"),
    ),
    "{days} stands for nothing here": (
        of("retention", "mail", says="After {days}."),
        ("retention", "mail", "says"),
    ),
    "{period} stands for nothing here": (
        of("retention", "with_account", says="After {period}."),
        ("retention", "with_account", "says"),
    ),
    "repeats the number 730, which is a field of this entry: write {period}": (
        of("choices", "news", asks="Write to me for 730 days."),
        ("choices", "news", "asks"),
    ),
    "'2 years' repeats choices.news.valid_days": (
        of("choices", "news", without="Your yes ends after 2 years."),
        ("choices", "news", "without"),
    ),
    "'72 hours' repeats incident.people_hours, and would stay when that changes: leave the number out": (
        of("activities", "news", says="We tell you of a breach in 72 hours."),
        ("activities", "news", "says"),
    ),
    "'16 years' repeats ages.fallback": (
        of("categories", "account", holds="Whether you are 16 years old."),
        ("categories", "account", "holds"),
    ),
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_fault_is_told_where_it_stands(words, tmp_path):
    change, path = FAULTS[words]
    tree = copy.deepcopy(TREE)
    change(tree)
    found = checks.faults(msgspec.convert(tree, Pack), tmp_path)
    assert path in [place for place, message in found if words in message]
    for step in path:
        tree = tree[step]  # the place is there, so that its line is no parent's


@pytest.mark.parametrize("words", ["'2 years' repeats", "there is no file 'clauses.pdf'", "needs a deadline"])
def test_a_fault_is_told_with_its_line(words, write, refused):
    change, path = next(fault for name, fault in FAULTS.items() if words in name)
    file = write(change)
    line = line_of(yaml.compose(file.read_text()), *path)
    assert line in [fault.line for fault in refused(file) if words in fault.message]


def test_a_mechanism_that_is_a_file_needs_the_file_beside_the_pack(write):
    file = write(
        of("parties", "mail_server", mechanism="binding_rules", safeguards="rules.pdf", country="US")
    )
    file.with_name("rules.pdf").write_bytes(b"%PDF")
    assert load(file).parties["mail_server"].safeguards == "rules.pdf"


def test_a_pack_without_a_folder_is_not_asked_for_its_files():
    house = load(find("house"))
    server = msgspec.structs.replace(house.parties["mail_server"], safeguards="rules.pdf")
    pack = msgspec.structs.replace(house, parties={**house.parties, "mail_server": server})
    assert list(checks.faults(pack)) == []


def test_storage_that_waits_for_a_consent_is_sound(changed):
    theme = changed(of("storage", "glassbed.theme", grade="functional", choice="news")).storage[
        "glassbed.theme"
    ]
    assert theme.choice == "news"


def test_storage_that_waits_for_a_choice_of_no_activity_is_told_at_the_choice(write, refused):
    file = write(
        both(
            of("storage", "glassbed.theme", grade="functional", choice="news"),
            of("choices", "news", activity="flying"),
        )
    )
    assert any("'flying' is no activity" in fault.message for fault in refused(file))


def test_grounds_for_cases_and_for_categories_stand_side_by_side(changed):
    grounds = [
        {"basis": "contract", "categories": ["device"]},
        {"basis": "contract", "when": "You have an account."},
        {"basis": "vital_interest", "when": "There is a fire."},
    ]
    assert len(changed(of("activities", "history", grounds=grounds)).activities["history"].grounds) == 3


def test_a_profile_with_its_logic_is_sound(changed):
    logic = {"automation": "profiling", "logic": "Prints are counted."}
    assert changed(of("activities", "statistics", **logic)).activities["statistics"].logic


def test_a_number_that_is_no_period_of_the_pack_may_stand(changed):
    says = "Files in 3MF are kept for 41 days at {period}."
    assert changed(of("storage", "glassbed.theme", says=says)).storage["glassbed.theme"].says == says


def test_a_region_may_be_stricter(changed):
    pack = changed(of(regions={"one": {**REGION, "patch": {"ages": {"fallback": 18}}}}))
    assert list(pack.regions) == ["one"]


def test_every_fault_is_told_at_once(write, refused):
    spoil = both(of("retention", "mail", days=None), of("activities", "rights", grounds=[]))
    assert len({fault.line for fault in refused(write(spoil))}) >= 2


def test_a_document_that_says_no_date_is_sound(changed):
    assert changed(of(document={"title": "Notice", "version": "1"})).document.dated is None
