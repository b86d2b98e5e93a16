import itertools
import json
import re

import msgspec
import pytest

from glassbed.features.accounts import privacy as accounts
from glassbed.features.jobs import privacy as jobs
from glassbed.features.library import privacy as library
from glassbed.features.printers import privacy as printers
from glassbed.features.traces import privacy as traces
from glassbed.features.trust import privacy as trust
from glassbed.foundation import privacy as foundation
from glassbed.policy import linked_data, pack, periods, rulebook, terms, texts
from glassbed.policy.checks import TERMS
from glassbed.policy.checks_words import entries
from glassbed.policy.notice import kept, notice
from glassbed.policy.notice_data import retention_of
from glassbed.policy.notice_parties import abroad, receiving
from glassbed.policy.record import COLUMNS, record, table, tree
from glassbed.policy.statements import Reader, contact, identifier, plain, untracked

PACKS = sorted(file.parent.name for file in pack.SHIPPED.glob("*/policy.yaml"))
MODULES = (foundation, accounts, trust, printers, library, jobs, traces)
KEPT = kept({table: binding for module in MODULES for table, binding in module.BINDINGS.items()})


@pytest.fixture(scope="module", params=PACKS)
def reader(request):
    return Reader(pack.load(pack.find(request.param)), kept=KEPT, site="print.example")


@pytest.fixture(scope="module")
def house():
    return Reader(pack.load(pack.find("house")), kept=KEPT, site="print.example")


def said(made):
    """Everything that a notice says, as one text."""
    for section in made.sections:
        yield section.title
        yield section.lead
        for statement in section.statements:
            yield from (statement.title, statement.text, statement.source)
            for label, values in statement.facts:
                yield label
                yield from itertools.chain.from_iterable((value.text, value.note) for value in values)


def of_entry(made, *place):
    return {fact.label: [value.text for value in fact.values] for fact in made.statement(*place).facts}


@pytest.mark.promise("BL-01", part="what every sentence of the pack says stands in the notice")
def test_every_text_of_the_pack_stands_in_the_notice(reader):
    whole = "\n".join(said(notice(reader)))
    filled = {
        (*path, field): periods.filled(getattr(entry, field), entry, "en")
        for path, entry in entries(reader.pack)
        for field in ("says", "asks", "holds", "without")
        if isinstance(getattr(entry, field, None), str)
    }
    own = {
        place: text
        for place, text in texts.of(msgspec.to_builtins(reader.pack)).items()
        if place[:1] != ("regions",)
    }
    assert len(own) > 100
    left_out = [place for place, text in own.items() if filled.get(place, text) not in whole]
    assert left_out == []
    assert "{period}" not in whole


def test_every_id_is_there_once_and_every_link_within_leads_to_one(reader):
    made = notice(reader)
    ids = [s.id for s in made.sections] + [s.id for s in made.statements()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", one) for one in ids)
    linked = {v.to for s in made.statements() for f in s.facts for v in f.values if v.to}
    assert len(linked) > 20
    assert linked - set(ids) == set()


@pytest.mark.promise("GB-02", part="each statement has an address that stays")
def test_an_id_follows_the_key_and_not_the_order(house):
    turned = house.pack.__class__(
        **{
            name: dict(reversed(value.items())) if isinstance(value, dict) else value
            for name, value in ((f, getattr(house.pack, f)) for f in house.pack.__struct_fields__)
        }
    )
    first, second = (
        {s.place: s.id for s in notice(r).statements() if s.place}
        for r in (house, house._replace(pack=turned))
    )
    assert first == second
    assert first["activities", "storage_limits"] == "activity-storage-limits"
    assert identifier("storage", "glassbed.theme") == "storage-glassbed-theme"


def test_a_category_names_the_retention_rules_of_its_tables(house):
    made = notice(house)
    assert retention_of(house, "device") == ["until_removed", "pairing"]
    assert of_entry(made, "categories", "device")["Kept for"] == ["Until you remove it", "Pairing codes"]
    assert of_entry(made, "retention", "pairing")["Holds for"] == ["Printers and bridges"]
    every = {rule for rules in KEPT.values() for rule in rules}
    assert {s.key for s in made.section("retention").statements if s.facts} >= every


def test_a_category_that_covers_nothing_of_the_program_says_so():
    reader = Reader(pack.load(pack.find("bambulab")), kept=KEPT)
    found = of_entry(notice(reader), "categories", "payment")
    assert found["Kept for"] == ["Nothing of it is kept here: this program has no place for it."]


@pytest.mark.promise("BL-46", part="the notice lists them; the gate is tried elsewhere")
def test_each_recipient_says_what_it_does_where_it_is_and_what_it_gets(reader):
    made = notice(reader)
    assert receiving(reader.pack)
    for key in receiving(reader.pack):
        party, found = reader.pack.parties[key], of_entry(made, "parties", key)
        assert found["Role"] == [terms.ROLE[party.role]]
        assert found["Country"]
        ways = [way for way in reader.pack.disclosures.values() if way.to == key]
        if party.role not in {"controller", "representative", "officer", "authority"}:
            assert found["Gets"] == [way.says for way in ways] or not ways
    for key, way in reader.pack.disclosures.items():
        assert of_entry(made, "disclosures", key)["Fields"] == list(way.fields)


@pytest.mark.promise(
    "BL-51", part="each names its mechanism and its file; refusal of one without is tried with packs"
)
def test_each_transfer_names_what_it_rests_on_and_its_file(reader):
    made = {s.id: s for s in notice(reader).section("transfers").statements}
    assert len(made) == len(abroad(reader.pack)) > 0
    for key in abroad(reader.pack):
        party = reader.pack.parties[key]
        found = {fact.label: fact.values for fact in made[identifier("transfer", key)].facts}
        if party.country not in {"instance", "chosen"}:
            assert found["Rests on"][0].text == terms.MECHANISM[party.mechanism]
        if party.safeguards:
            assert found["Copy of the safeguards"][0].file == key


@pytest.mark.promise("BL-18", part="each balancing test stands in the notice and in the text to download")
def test_every_interest_is_shown_with_its_balancing_test(reader):
    made = notice(reader)
    weighed = [
        (key, ground.balancing)
        for key, activity in reader.pack.activities.items()
        for ground in activity.grounds
        if ground.basis == "legitimate_interest"
    ]
    for key, balancing in weighed:
        assert balancing in of_entry(made, "activities", key)["Balancing test"]
        assert balancing in "\n".join(plain(made.statement("activities", key)))


def test_the_house_weighs_an_interest(house):
    assert "Balancing test" in of_entry(notice(house), "activities", "statistics")


@pytest.mark.promise("AC-13", part="the notice says so truthfully, and each pack states which it honours")
def test_the_notice_says_of_each_signal_whether_it_counts(reader):
    made = notice(reader)
    for key in ("gpc", "dnt"):
        text = made.statement("signals", key).text
        assert text.startswith("Honoured") == bool(reader.pack.signals.get(key, False))
        counted = [c.title for c in reader.pack.choices.values() if key in c.signals]
        if reader.pack.signals.get(key) and counted:
            assert of_entry(made, "signals", key)["Counts as no to"] == counted


def test_anycubic_does_not_honour_do_not_track_and_says_it():
    made = notice(Reader(pack.load(pack.find("anycubic"))))
    assert made.statement("signals", "dnt").text == "Not honoured. Make your choices here instead."


@pytest.mark.promise("BL-27", part="the notice lists the services of the pack")
def test_every_feature_has_its_statement(reader):
    made = notice(reader)
    assert [s.key for s in made.section("features").statements] == list(reader.pack.features)


@pytest.mark.promise("BL-56", part="all named in the notice")
def test_who_answers_is_named_with_a_contact_and_the_date(reader):
    made = notice(reader)
    named = [s.key for s in made.section("who").statements]
    wanted = {
        k for k, p in reader.pack.parties.items() if p.role in {"controller", "representative", "officer"}
    }
    assert wanted
    assert wanted <= set(named)
    for key in wanted:
        if reader.pack.parties[key].role == "controller":
            assert of_entry(made, "parties", key)["Contact"] == [reader.pack.parties[key].contact]
    version = of_entry(made, "version")
    assert version["For new people since"] == [reader.pack.effective.new_people]
    assert version["Digest"] == [pack.digest(reader.pack)]


@pytest.mark.promise(
    "AC-12", part="the register names each cookie with class, purpose, domain, contents and lifetime"
)
def test_every_cookie_is_registered_with_all_that_is_asked_of_it(reader):
    made = notice(reader)
    for key, storage in reader.pack.storage.items():
        found = of_entry(made, "storage", key)
        assert found["Grade"] == [terms.GRADE[storage.grade]]
        assert found["Holds"] == [storage.holds]
        assert found["Lifetime"] == [periods.period_words(storage.lifetime_days, "en")]
        assert found["Domain"] == ["print.example"]


@pytest.mark.promise("AC-24", part="the notice names where data is held, cookies included")
def test_the_notice_says_where_data_is_held(reader):
    places = notice(reader).section("places").statements
    assert [s.id for s in places] == ["place-site", "place-browser", "place-others"]
    assert [v.text for v in places[2].facts[0].values] == [
        reader.pack.parties[k].name for k in abroad(reader.pack)
    ]


def test_an_entry_says_where_its_document_has_it_or_that_house_speaks():
    made = notice(Reader(pack.load(pack.find("bambulab"))))
    assert made.statement("activities", "register").source == "Stated in the policy's document: §3, register"
    assert "silent" in made.statement("categories", "ledger").source
    assert notice(Reader(pack.load(pack.find("house")))).statement("activities", "account").source == ""


def test_the_words_of_the_frame_are_said_in_the_readers_language(house):
    made = notice(house._replace(say=lambda text: f"«{text}»", frame="de"))
    assert made.section("data").title == "«What is kept»"
    found = of_entry(made, "categories", "session")
    assert found["«Kept for»"] == ["Sign-ins"]
    assert made.statement("retention", "session").text == "Removed 30 days after the last use."
    noted = [v.note for f in made.statement("categories", "session").facts for v in f.values if v.note]
    assert "30 Tage" in noted


def test_every_word_of_a_pack_has_one_in_the_frame(reader):
    named = {term.partition(":")[2] for right in reader.pack.rights.values() for term in right.refusals}
    assert named - terms.REFUSAL.keys() == set()
    countries = {party.country for party in reader.pack.parties.values()}
    assert countries - terms.COUNTRY.keys() - terms.PLACE.keys() == set()


@pytest.mark.promise("AC-22", part="a link out loses its tracking parameters")
def test_a_link_out_loses_what_tells_who_follows_it():
    assert untracked("https://a.example/x?utm_source=b&id=3&gclid=9#p") == "https://a.example/x?id=3#p"
    assert contact("ada@a.example").href == "mailto:ada@a.example"
    assert contact("https://a.example/?fbclid=1").href == "https://a.example/"
    assert contact("The address that you know").href == ""
    assert contact("http://a.example/").href == ""


# -- the record and the linked data ------------------------------------------------------------------------


def test_the_record_has_a_row_an_activity_with_all_that_art_30_asks_for(reader):
    made = record(reader, "d" * 64)
    assert list(made.rows) == list(reader.pack.activities)
    for key, row in made.rows.items():
        activity = reader.pack.activities[key]
        assert list(row) == list(COLUMNS)
        assert len(row["categories"]) == len(row["erasure"]) == len(activity.categories)
        assert len(row["recipients"]) == len(activity.recipients)
        assert all(row[name] for name in ("purpose", "legal_basis", "subjects", "categories", "measures"))
    controllers = [p for p in reader.pack.parties.values() if p.role == "controller"]
    assert len(made.head["Controller"]) == len(controllers)
    lines = table(made)
    assert lines[-1][0] == list(reader.pack.activities.values())[-1].title
    assert {len(line) for line in lines[len(made.head) + 1 :]} == {len(COLUMNS)}
    assert json.loads(json.dumps(tree(made)))["activities"].keys() == reader.pack.activities.keys()


def test_the_record_says_how_long_each_category_is_kept(house):
    row = record(house, "").rows["news"]
    assert row["erasure"] == (
        "Address: With your account",
        "Messages to you: Mails (7 days)",
        "Record of decisions: With your account",
    )
    (transfer,) = row["transfers"]
    assert transfer.startswith(
        "The mail server that the operator set, Depends on you or the operator: A contract"
    )


def compact(node):
    """Every compact IRI of DPV in a graph, as key or value."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key != "@context":
                yield key
                yield from compact(value)
    elif isinstance(node, list):
        for value in node:
            yield from compact(value)
    elif isinstance(node, str):
        yield node


def test_the_linked_data_uses_terms_of_dpv_alone_and_names_what_it_refers_to(reader):
    graph = linked_data.linked_data(reader, "https://print.example/p")
    found = {t for t in compact(graph) if re.match(r"(dpv|pd|tech|eu-gdpr|justifications):[A-Za-z]", t)}
    assert len(found) > 30
    assert found - TERMS == set()
    made = [node["@id"] for node in graph["@graph"]]
    handled = [h["@id"] for n in graph["@graph"] for h in n.get("dpv:hasPersonalDataHandling", [])]
    assert len(made) == len(set(made))
    assert (
        len(handled) == len(set(handled)) == sum(len(a.categories) for a in reader.pack.activities.values())
    )
    assert {t for t in compact(graph) if t.startswith("#")} <= {*made, *handled}
    assert isinstance(graph["@context"], dict)
    assert graph["@context"]["dpv"] == "https://w3id.org/dpv#"


def test_each_handling_rests_on_the_ground_of_its_category(house):
    graph = linked_data.linked_data(house, "https://print.example/p")
    process = next(n for n in graph["@graph"] if n["@id"] == "#process-statistics")
    assert process["dpv:hasPurpose"] == {"@id": "dpv:ServiceUsageAnalytics"}
    handled = {h["dpv:hasPersonalData"]["@id"]: h for h in process["dpv:hasPersonalDataHandling"]}
    assert handled["#category-print"]["dpv:hasLegalBasis"] == [{"@id": "eu-gdpr:A6-1-f"}]
    assert handled["#category-print"]["dpv:hasNecessity"] == {"@id": "dpv:Required"}
    stored = next(n for n in graph["@graph"] if n["@id"] == "#storage-session")
    assert stored["dpv:hasDuration"] == {"@type": "xsd:duration", "@value": "P30D"}
    assert rulebook.asks(house.pack.activities["statistics"]) == "objection"


def changed(reader, section, key, **fields):
    entries = getattr(reader.pack, section)
    entry = msgspec.structs.replace(entries[key], **fields)
    return reader._replace(pack=msgspec.structs.replace(reader.pack, **{section: {**entries, key: entry}}))


def test_a_right_that_is_answered_at_once_says_so(house):
    assert "At once" in str(
        notice(changed(house, "rights", "access", months=0)).statement("rights", "access")
    )
    assert "At once" not in str(notice(house).statement("rights", "access"))


def test_a_signal_that_is_not_honoured_is_said_to_be_so(house):
    deaf = house._replace(pack=msgspec.structs.replace(house.pack, signals={"gpc": False, "dnt": False}))
    assert "Not honoured" in str(notice(deaf).statement("signals", "gpc"))
    assert "It counts as your no" in str(notice(house).statement("signals", "gpc"))
    silent = changed(changed(house, "choices", "news", signals=()), "choices", "statistics", signals=())
    assert "Nothing here would be stopped by it" in str(notice(silent).statement("signals", "gpc"))


def test_addresses_in_the_log_are_told_with_their_period(house):
    def of(days):
        log = msgspec.structs.replace(
            house.pack.log,
            fields={**house.pack.log.fields, "address": "x"},
            truncate_addresses_after_days=days,
        )
        return str(notice(house._replace(pack=msgspec.structs.replace(house.pack, log=log))))

    assert "They lose their last part after 7 days." in of(7)
    assert "They are written without their last part." in of(0)
