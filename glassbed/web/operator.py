"""The operator's desk: which policy is in force, whether it holds, and how much this Glassbed is used. No person's data."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.validators import RegexValidator
from django.db import ProgrammingError, transaction
from django.db.models import Count
from django.db.models.functions import TruncWeek
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from psycopg.errors import InsufficientPrivilege

from glassbed.features.accounts.request import SignedIn
from glassbed.features.jobs.models import Print
from glassbed.features.trust import queries as trust
from glassbed.features.trust.choices import language
from glassbed.features.trust.unsubscribe import link
from glassbed.foundation import drift
from glassbed.foundation.bindings import bindings
from glassbed.foundation.database import plain_login
from glassbed.foundation.ledger import note
from glassbed.foundation.models import Mail
from glassbed.foundation.purpose import for_purpose, purpose, technical
from glassbed.policy import rulebook
from glassbed.policy.pack import digest
from glassbed.policy.texts import localized
from glassbed.protocol.errors import NotAllowed

NEWS = "news"
WEEKS = 12
FEWEST_PEOPLE = 5
"""Sums of fewer people are not shown: the pack says so under its measures."""
ROUNDED_TO = 10
"""The difference between two looks, as before and after an objection, says less of one person."""
ONE_LINE = RegexValidator(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", inverse_match=True)


class Week(NamedTuple):
    """About how much was printed in the week that begins at `begins`; None where too few people printed to tell."""

    begins: date
    prints: int | None


@for_purpose("statistics", opens=False)
@require_safe
def desk(request: SignedIn) -> HttpResponseBase:
    if not request.user.is_operator:
        raise NotAllowed
    with plain_login() as connection, connection.transaction(force_rollback=True):
        found = drift.findings(connection, settings.GLASSBED_PACK, bindings(), settings.GLASSBED_ROLES)
    with technical():
        controls, versions = list(trust.verifications()), list(trust.versions())
    with purpose("statistics"):
        weeks = prints_by_week(timezone.now())
        note("counted", person=None, activity="statistics", of="everybody who did not object")
    pack = localized(settings.GLASSBED_PACK, language())
    context = {
        "pack": pack,
        "digest": digest(settings.GLASSBED_PACK),
        "drift": found,
        "controls": controls,
        "versions": versions,
        "weeks": weeks,
        "fewest": FEWEST_PEOPLE,
        "rounded_to": ROUNDED_TO,
        "most": max((week.prints or 0 for week in weeks), default=0),
        "news": NewsForm() if _news_choice() else None,
    }
    return render(request, "pages/desk.html", context)


class NewsForm(forms.Form):
    """What the operator writes to those who asked for it."""

    subject = forms.CharField(label=_("Subject"), max_length=150, validators=[ONE_LINE])
    text = forms.CharField(label=_("Text"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 8}))


def _news_choice() -> str | None:
    """The choice by which the pack lets people have news, if it does."""
    activity = rulebook.activity_of(settings.GLASSBED_PACK).get(NEWS)
    choices = settings.GLASSBED_PACK.choices.items()
    return next((key for key, choice in choices if choice.activity == activity), None)


@for_purpose("news")
@require_POST
def send_news(request: SignedIn) -> HttpResponseBase:
    """Write a mail to everybody whom the database shows under this purpose: those who agreed."""
    choice, form = _news_choice(), NewsForm(request.POST)
    if not request.user.is_operator or choice is None:
        raise NotAllowed
    if not form.is_valid():
        messages.error(request, gettext("Nothing was sent: news need a subject of one line, and a text."))
        return redirect("desk")
    now = timezone.now()
    mails = [
        Mail(
            person_id=address.user_id,
            to=address.email,
            subject=form.cleaned_data["subject"],
            text=form.cleaned_data["text"],
            created_at=now,
            way=NEWS,
            unsubscribe=link(address.user_id, choice, now),
        )
        for address in EmailAddress.objects.filter(primary=True, verified=True)
    ]
    people = sum(map(_written, mails))
    note("news_written", person=None, of="everybody who agreed", people=people)
    said = ngettext("News go to %(n)s person.", "News go to %(n)s people.", people) % {"n": people}
    messages.success(request, said)
    return redirect("desk")


def _written(mail: Mail) -> bool:
    """Put a mail into the outbox, unless its person withdrew since their address was read: then the database refuses."""
    try:
        with transaction.atomic():
            mail.save(force_insert=True)
    except ProgrammingError as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            return False
        raise
    return True


def prints_by_week(as_of: datetime) -> list[Week]:
    """The prints of the last whole weeks, UTC, newest first. Purpose: statistics."""
    today = as_of.astimezone(UTC).date()
    end = datetime.combine(today - timedelta(days=today.weekday()), time(), UTC)
    rows = (
        Print.objects.filter(created_at__gte=end - timedelta(weeks=WEEKS), created_at__lt=end)
        .annotate(week=TruncWeek("created_at", tzinfo=UTC))
        .values("week")
        .annotate(prints=Count("id"), people=Count("person", distinct=True))
        .order_by("-week")
    )
    return [
        Week(row["week"].date(), _rounded(row["prints"]) if row["people"] >= FEWEST_PEOPLE else None)
        for row in rows
    ]


def _rounded(count: int) -> int:
    return (count + ROUNDED_TO // 2) // ROUNDED_TO * ROUNDED_TO
