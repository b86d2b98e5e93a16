"""Choosing in a browser, and what it changes in the database at once."""

import json

import people
import pytest
from django.conf import settings
from django.db import connections
from django.test.utils import CaptureQueriesContext

from glassbed.features.jobs.models import Print
from glassbed.features.trust import actions
from glassbed.features.trust.models import Decision
from glassbed.foundation.ledger import LedgerNote
from glassbed.foundation.purpose import purpose
from glassbed.policy.pack import digest
from glassbed.protocol.errors import NotFound

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def person():
    return people.make_person()


def decided(person):
    with purpose("choosing", person=person.pk):
        return [(d.choice, d.open, d.by) for d in Decision.objects.order_by("at", "id")]


def choose(browser, key, *, is_open):
    return browser.post(f"/privacy/choices/{key}/", {"open": "1" if is_open else "0"}, follow=True)


@pytest.mark.promise("AC-25", part="exporting and closing for who refuses")
def test_visiting_and_signing_up_record_no_consent(person):
    browser = people.browser_of(person)
    for page in ("/", "/privacy/choices/", "/settings/"):
        browser.get(page)
    assert decided(person) == []
    text = browser.get("/privacy/choices/").content.decode()
    news, statistics = text.index('id="news"'), text.index('id="statistics"')
    assert "Not allowed" in text[news:statistics]
    assert "Not allowed" not in text[statistics:]


@pytest.mark.promise("AC-16")
@pytest.mark.promise("BL-38")
def test_giving_and_withdrawing_are_one_step_at_one_place_and_say_beforehand_what_stops(person):
    browser = people.browser_of(person)
    without = settings.GLASSBED_PACK.choices["news"].without
    for is_open, step, said in ((True, "Allow this", "Allowed: News"), (False, "Stop this", "Stopped: News")):
        page = browser.get("/privacy/choices/").content.decode()
        card = page[page.index('id="news"') : page.index('id="statistics"')]
        assert without in card
        assert step in card
        assert said in choose(browser, "news", is_open=is_open).content.decode()
    assert decided(person) == [("news", True, "person"), ("news", False, "person")]


def counted(printer_owner):
    """How many prints of this person the operator's sums run over."""
    with purpose("statistics"):
        return Print.objects.filter(person=printer_owner.pk).count()


def test_an_objection_counts_from_the_next_query_on_and_leaves_the_rest_working(person):
    bed = people.make_printer(person)
    people.make_print(bed, person)
    assert counted(person) == 1
    browser = people.browser_of(person)
    choose(browser, "statistics", is_open=False)
    assert counted(person) == 0
    assert browser.get("/history/").status_code == 200
    with purpose("printing", person=person.pk):
        assert Print.objects.count() == 1
    choose(browser, "statistics", is_open=True)
    assert counted(person) == 1


def test_each_decision_stands_in_the_record_as_ids(person):
    choose(people.browser_of(person), "news", is_open=True)
    with purpose("own_data", person=person.pk):
        note = LedgerNote.objects.filter(kind="decided").get()
    assert note.payload == {"choice": "news", "open": "1", "by": "person"}


@pytest.mark.promise("AC-13", part="the notice's sentence about it")
@pytest.mark.promise("BL-59", part="recipients of other packs, the link on every page")
@pytest.mark.parametrize(
    "headers", [{"HTTP_SEC_GPC": "1"}, {"HTTP_DNT": "1"}, {"HTTP_SEC_GPC": "0, 1"}, {"HTTP_SEC_GPC": "1,1"}]
)
def test_a_browsers_signal_is_an_objection_and_never_a_consent(person, headers):
    browser = people.browser_of(person)
    browser.get("/", **headers)
    browser.get("/history/", **headers)
    assert decided(person) == [("statistics", False, "signal")]
    assert "Your browser said no for you" in browser.get("/privacy/choices/", **headers).content.decode()


def test_each_signal_is_heard_once_a_session_however_they_take_turns(person):
    browser = people.browser_of(person)
    both = [{"HTTP_SEC_GPC": "1"}, {"HTTP_DNT": "1"}]
    for headers in both:
        browser.get("/history/", **headers)
    with CaptureQueriesContext(connections["default"]) as silent:
        browser.get("/history/")
    for headers in (*both, {**both[0], **both[1]}):
        with CaptureQueriesContext(connections["default"]) as heard:
            browser.get("/history/", **headers)
        assert len(heard) == len(silent)


@pytest.mark.parametrize("value", ["0", "true", "11", "", "one"])
def test_another_value_is_no_signal(person, value):
    people.browser_of(person).get("/", HTTP_SEC_GPC=value, HTTP_DNT=value)
    assert decided(person) == []


def test_what_a_person_decided_themself_stands_against_a_signal(person):
    browser = people.browser_of(person)
    choose(browser, "statistics", is_open=True)
    browser.get("/", HTTP_SEC_GPC="1")
    assert decided(person) == [("statistics", True, "person")]


def test_a_pack_that_does_not_honour_a_signal_is_not_followed(person, monkeypatch):
    import msgspec

    deaf = msgspec.structs.replace(settings.GLASSBED_PACK, signals={"gpc": False, "dnt": False})
    monkeypatch.setattr(settings, "GLASSBED_PACK", deaf)
    browser = people.browser_of(person)
    text = browser.get("/privacy/choices/", HTTP_SEC_GPC="1").content.decode()
    assert decided(person) == []
    assert "does not count it" in text


def test_a_visitor_sees_what_would_be_asked_and_is_asked_nothing():
    page = people.visitor().get("/privacy/choices/")
    assert page.status_code == 200
    assert b"Sign in to choose" in page.content
    assert b"Stop this" not in page.content


def test_what_the_policy_does_not_ask_can_not_be_chosen(person):
    browser = people.browser_of(person)
    assert browser.post("/privacy/choices/everything/", {"open": "1"}).status_code == 404
    with purpose("choosing", person=person.pk), pytest.raises(NotFound):
        actions.decide(person=person.pk, choice="printing", is_open=False, language="en")


def test_a_receipt_says_who_what_why_since_when_and_how_to_withdraw(person):
    browser = people.browser_of(person)
    choose(browser, "news", is_open=True)
    with purpose("choosing", person=person.pk):
        decision = Decision.objects.get()
    answer = browser.get(f"/privacy/receipts/{decision.pk}.json")
    assert "attachment" in answer["Content-Disposition"]
    said = json.loads(answer.content)
    assert said["schema_version"] == "ISO/IEC TS 27560:2023"
    assert said["record_id"] == str(decision.pk)
    assert said["pii_principal_id"] == str(person.pk)
    assert said["words_shown"] == settings.GLASSBED_PACK.choices["news"].asks
    assert said["privacy_notice_digest_sha256"] == digest(settings.GLASSBED_PACK)
    assert said["purposes"][0]["lawful_basis"] == "eu-gdpr:A6-1-a"
    assert said["event"]["event_state"] == "dpv:ConsentGiven"
    assert said["event"]["validity_until"] == decision.until.isoformat()
    assert said["withdrawal_method"].endswith("/privacy/choices/")


def test_a_receipt_of_an_older_policy_speaks_of_that_policy(person, monkeypatch):
    import msgspec

    choose(people.browser_of(person), "statistics", is_open=False)
    with purpose("choosing", person=person.pk):
        decision = Decision.objects.get()
    newer = msgspec.structs.replace(settings.GLASSBED_PACK, version="9999.1")
    monkeypatch.setattr(settings, "GLASSBED_PACK", newer)
    said = json.loads(people.browser_of(person).get(f"/privacy/receipts/{decision.pk}.json").content)
    assert said["privacy_notice_version"] == decision.policy
    assert "9999.1" not in json.dumps(said)


def test_nobody_sees_anothers_receipt(person):
    choose(people.browser_of(person), "news", is_open=True)
    with purpose("choosing", person=person.pk):
        decision = Decision.objects.get()
    other = people.browser_of(people.make_person())
    assert other.get(f"/privacy/receipts/{decision.pk}.json").status_code == 404
