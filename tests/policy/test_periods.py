import pytest

from glassbed.policy import periods
from glassbed.policy.pack import find, load

HOUSE = load(find("house"))


@pytest.mark.parametrize(
    ("days", "english", "german", "chinese"),
    [
        (1, "1 day", "1 Tag", "1 天"),
        (7, "7 days", "7 Tage", "7 天"),
        (30, "30 days", "30 Tage", "30 天"),
        (365, "1 year", "1 Jahr", "1 年"),
        (366, "366 days", "366 Tage", "366 天"),
        (1095, "3 years", "3 Jahre", "3 年"),
    ],
)
def test_a_period_is_said_in_each_language(days, english, german, chinese):
    assert periods.period_words(days, "en") == english
    assert periods.period_words(days, "de") == german
    assert periods.period_words(days, "zh-hans") == chinese


def test_months_are_said_in_each_language():
    assert [periods.months_words(1, language) for language in ("en", "de", "zh-hans")] == [
        "1 month",
        "1 Monat",
        "1 个月",
    ]
    assert periods.months_words(3, "de") == "3 Monate"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (HOUSE.retention["proof"], "3 years"),
        (HOUSE.choices["news"], "2 years"),
        (HOUSE.storage["glassbed.theme"], "1 year"),
        (HOUSE.rights["access"], "1 month"),
        (HOUSE.ages, "30 days"),
        (HOUSE.staff, "7 days"),
        (HOUSE.retention["with_account"], "{period}"),
        (HOUSE.choices["statistics"], "{period}"),
        (HOUSE.categories["mail"], "{period}"),
    ],
)
def test_a_text_gets_the_period_of_its_entry(entry, words):
    assert periods.filled("Kept {period}.", entry, "en") == f"Kept {words}."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Kept 30 days, then 2\u00a0years.", [("30 days", 30), ("2\u00a0years", 730)]),
        ("Nach 3 Jahren, 2 Monaten und 1 Woche", [("3 Jahren", 1095), ("2 Monaten", 60), ("1 Woche", 7)]),
        ("保留 7 天，最多12个月。", [("7 天", 7), ("12个月", 360)]),
        ("In 72 hours, or 90 Minuten", [("72 hours", 3), ("90 Minuten", 0.0625)]),
        ("A 3D printer of 2024 has 5 nozzles, for days.", []),
    ],
)
def test_a_period_in_a_text_is_found_in_each_language(text, found):
    assert list(periods.named(text)) == found


def test_the_periods_of_an_entry_are_its_fields():
    assert periods.stated(HOUSE.staff) == pytest.approx({"minutes": 30 / 1440, "review_days": 7})
    assert periods.stated(HOUSE.incident) == {"authority_hours": 3, "people_hours": 3}
    assert periods.stated(HOUSE.rights["access"]) == {"months": 30, "extension_months": 60, "repeat_days": 30}
    assert periods.stated(HOUSE.ages) == {"fallback": 16 * 365, "freeze_days": 30}
    assert periods.stated(HOUSE.retention["with_account"]) == {}
