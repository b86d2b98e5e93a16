"""Periods in words of each language, and the periods that a text names: a text never states one, it has {period}."""

import re
from collections.abc import Iterator

import msgspec

from glassbed.policy.vocabulary import Ages, Choice, Entry, Language, Retention, Right, Staff, Storage

PLACE = "{period}"
FIELDS: dict[type[Entry], str] = {
    Retention: "days",
    Choice: "valid_days",
    Ages: "freeze_days",
    Staff: "review_days",
    Storage: "lifetime_days",
    Right: "months",
}
"""Kind of entry → the field that {period} stands for in its texts."""

_YEAR_DAYS, _MONTH_DAYS, _WEEK_DAYS = 365, 30, 7
_UNITS: dict[Language, dict[str, tuple[str, str]]] = {
    "en": {"day": ("day", "days"), "month": ("month", "months"), "year": ("year", "years")},
    "de": {"day": ("Tag", "Tage"), "month": ("Monat", "Monate"), "year": ("Jahr", "Jahre")},
    "zh-hans": {"day": ("天", "天"), "month": ("个月", "个月"), "year": ("年", "年")},
}
_DAYS_IN: dict[str, float] = {
    "minute|Minute|分钟": 1 / 1440,
    "hour|Stunde|小时": 1 / 24,
    "day|Tag|天|日": 1,
    "week|Woche|周|星期": _WEEK_DAYS,
    "month|Monat|个月": _MONTH_DAYS,
    "year|Jahr|年": _YEAR_DAYS,
}
_QUANTITY = re.compile(rf"(\d+)[\s\u00a0-]*({'|'.join(_DAYS_IN)})[a-z]{{0,2}}", re.IGNORECASE)


def period_words(days: int, language: Language) -> str:
    """Say a number of days: in years where it is whole ones."""
    years, rest = divmod(days, _YEAR_DAYS)
    return _counted(days, "day", language) if rest else _counted(years, "year", language)


def months_words(months: int, language: Language) -> str:
    return _counted(months, "month", language)


def _counted(count: int, unit: str, language: Language) -> str:
    one, many = _UNITS[language][unit]
    return f"{count} {one if count == 1 else many}"


def filled(text: str, entry: Entry, language: Language) -> str:
    """Put the entry's period where its text has {period}."""
    field = FIELDS.get(type(entry))
    value = getattr(entry, field) if field else None
    if value is None:
        return text
    say = months_words if field == "months" else period_words
    return text.replace(PLACE, say(value, language))


def named(text: str) -> Iterator[tuple[str, float]]:
    """Find what a text states as a number with a unit of time, in any of the languages: its words, and days."""
    for found in _QUANTITY.finditer(text):
        unit = next(days for words, days in _DAYS_IN.items() if re.fullmatch(words, found[2], re.IGNORECASE))
        yield found[0], int(found[1]) * unit


_TO_DAYS = {
    "days": 1.0,
    "minutes": 1 / 1440,
    "hours": 1 / 24,
    "months": float(_MONTH_DAYS),
    "fallback": float(_YEAR_DAYS),
}


def stated(entry: Entry) -> dict[str, float]:
    """The periods that are fields of an entry, and those without a unit in their name in days: field → days."""
    found = {}
    for field, value in msgspec.structs.asdict(entry).items():
        unit = field.rpartition("_")[2]
        if unit in _TO_DAYS and isinstance(value, int) and value:
            found[field] = value * _TO_DAYS[unit]
    return found
