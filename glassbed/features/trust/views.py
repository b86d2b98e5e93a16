"""The pages of the privacy hub. Everything on them is made from the pack; nobody has to be signed in."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from glassbed.features.trust import hub, queries
from glassbed.foundation.purpose import for_purpose
from glassbed.policy import notice as making
from glassbed.policy import rulebook, terms
from glassbed.policy.diff import changes
from glassbed.policy.notice import Notice
from glassbed.policy.pack import decoded
from glassbed.policy.record import record as make_record
from glassbed.policy.statements import Reader, Statement, plain
from glassbed.protocol.errors import NotFound

TYPES = {".txt": "text/plain; charset=utf-8", ".pdf": "application/pdf"}


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponseBase:
    return render(request, f"trust/{template}.html", context)


def _asked() -> tuple[Reader, Notice]:
    reader = hub.reader()
    return reader, hub.notice(reader)


def _entry(notice: Notice, *place: str) -> Statement:
    found = notice.statement(*place)
    if found is None:
        raise NotFound
    return found


@for_purpose("no_data", signed_in=False)
@require_safe
def hub_page(request: HttpRequest) -> HttpResponseBase:
    """The short version, and the way to everything else."""
    reader, notice = _asked()
    return _page(
        request,
        "hub",
        reader=reader,
        notice=notice,
        short=notice.section("short").statements[0],
        features=notice.section("features").statements,
        weighed=[s for s in notice.section("activities").statements if _is_weighed(reader, s)],
    )


def _is_weighed(reader: Reader, statement: Statement) -> bool:
    return any(ground.balancing for ground in reader.pack.activities[statement.key].grounds)


@for_purpose("technical", signed_in=False)
@require_safe
def notice_page(request: HttpRequest) -> HttpResponseBase:
    """The whole notice, each statement with the control that keeps it and how that stood when it was last tried."""
    reader, notice = _asked()
    verifications = {row.control: row for row in queries.verifications()}
    return _page(request, "notice", reader=reader, notice=notice, verifications=verifications)


@for_purpose("no_data", signed_in=False)
@require_safe
def terms_page(request: HttpRequest) -> HttpResponseBase:
    """The words of the notice, and those of this pack."""
    reader, notice = _asked()
    return _page(
        request,
        "terms",
        reader=reader,
        terms=notice.section("terms").statements,
        words=notice.section("data").statements,
    )


@for_purpose("no_data", signed_in=False)
@require_safe
def feature_page(request: HttpRequest, feature: str) -> HttpResponseBase:
    """What one part of the product does with data."""
    reader, notice = _asked()
    shown = _entry(notice, "features", feature)
    activities = [_entry(notice, "activities", key) for key in reader.pack.features[feature].activities]
    return _page(request, "feature", reader=reader, statement=shown, activities=activities)


@for_purpose("no_data", signed_in=False)
@require_safe
def activity_page(request: HttpRequest, activity: str) -> HttpResponseBase:
    reader, notice = _asked()
    shown = _entry(notice, "activities", activity)
    entry = reader.pack.activities[activity]
    balancing = [ground.balancing for ground in entry.grounds if ground.balancing]
    others = [fact for fact in shown.facts if [value.text for value in fact.values] != balancing]
    return _page(
        request,
        "activity",
        reader=reader,
        statement=shown._replace(facts=tuple(others)),  # the test has a chapter of its own there
        balancing=balancing,
        asked=rulebook.asks(entry),
        choice=next(
            (key for key, choice in reader.pack.choices.items() if choice.activity == activity), None
        ),
    )


@for_purpose("no_data", signed_in=False)
@require_safe
def activity_text(request: HttpRequest, activity: str) -> HttpResponseBase:
    """An activity with its balancing test, to keep."""
    reader, notice = _asked()
    shown = _entry(notice, "activities", activity)
    version = f"{reader.pack.title}, {reader.pack.version}, SHA-256 {hub.digest()}"
    text = "\n".join([*plain(shown), "", version, ""])
    return _download(text.encode(), TYPES[".txt"], f"{activity}.txt")


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(
        content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@for_purpose("no_data", signed_in=False)
@require_safe
def cookies_page(request: HttpRequest) -> HttpResponseBase:
    """What is kept in a browser, by grade: all that can be refused can be refused here."""
    reader, notice = _asked()
    shown = notice.section("cookies")
    groups = [
        {
            "title": _(title),
            "is_necessary": grade == "necessary",
            "statements": [s for s in shown.statements if reader.pack.storage[s.key].grade == grade],
        }
        for grade, title in terms.GRADE.items()
    ]
    return _page(
        request,
        "cookies",
        reader=reader,
        section=shown,
        signals=notice.section("signals"),
        groups=[group for group in groups if group["statements"]],
        can_refuse=any(storage.choice for storage in reader.pack.storage.values()),
    )


@for_purpose("no_data", signed_in=False)
@require_safe
def recipients_page(request: HttpRequest) -> HttpResponseBase:
    reader, notice = _asked()
    sections = [notice.section(name) for name in ("recipients", "disclosures", "who")]
    title = _("Who gets data")
    return _page(request, "sections", reader=reader, title=title, sections=sections)


@for_purpose("no_data", signed_in=False)
@require_safe
def transfers_page(request: HttpRequest) -> HttpResponseBase:
    reader, notice = _asked()
    sections = [notice.section(name) for name in ("places", "transfers", "regions")]
    title = _("Where data is held")
    return _page(request, "sections", reader=reader, title=title, sections=sections)


@for_purpose("no_data", signed_in=False)
@require_safe
def safeguards(request: HttpRequest, party: str) -> HttpResponseBase:
    """The document on which a transfer rests (Art. 13(1)(f) GDPR)."""
    entry = hub.policy().parties.get(party)
    if entry is None or entry.safeguards is None:
        raise NotFound
    file = hub.folder() / entry.safeguards
    return _download(file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream"), file.name)


@for_purpose("technical", signed_in=False)
@require_safe
def versions_page(request: HttpRequest) -> HttpResponseBase:
    """The version in force and every earlier one; with `on`, the one that was in force at the end of that day."""
    if asked := request.GET.get("on"):
        return redirect("privacy_version", queries.version_on(_day(asked)).digest)
    reader, notice = _asked()
    return _page(
        request,
        "versions",
        reader=reader,
        section=notice.section("version"),
        versions=list(queries.versions()),
        today=timezone.localdate(),
    )


def _day(asked: str) -> date:
    try:
        return date.fromisoformat(asked)
    except ValueError as error:
        raise NotFound(_("Name a day as year-month-day.")) from error


@for_purpose("technical", signed_in=False)
@require_safe
def version_page(request: HttpRequest, digest: str) -> HttpResponseBase:
    """A version whole, as it was applied, and what it changed against the one before."""
    version, before = queries.version(digest)
    reader = hub.reader_of(decoded(version.content))
    return _page(
        request,
        "version",
        reader=reader,
        notice=making.notice(reader, version.digest),
        version=version,
        before=before,
        changes=changes(decoded(before.content), reader.pack) if before else [],
    )


@for_purpose("no_data", signed_in=False)
@require_safe
def record_page(request: HttpRequest) -> HttpResponseBase:
    """The record of processing activities."""
    reader = hub.reader()
    return _page(request, "record", reader=reader, record=make_record(reader, hub.digest()))
