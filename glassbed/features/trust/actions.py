"""Deciding: one row a decision, with the words that were seen. A trigger lets it hold from the next query on."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from glassbed.features.trust.models import Decision
from glassbed.foundation.ledger import note
from glassbed.policy import rulebook
from glassbed.policy.pack import digest
from glassbed.policy.texts import localized
from glassbed.policy.vocabulary import Language, Signal
from glassbed.protocol.errors import Conflict, NotFound


def decide(
    *,
    person: UUID,
    choice: str,
    is_open: bool,
    language: Language,
    by: Decision.By = Decision.By.PERSON,
) -> Decision:
    """Keep what a person allows or refuses. Purpose: choosing, or sign_in at sign-up. Raises NotFound."""
    pack = settings.GLASSBED_PACK
    if choice not in pack.choices:
        raise NotFound
    said = localized(pack, language).choices[choice]
    now = timezone.now()
    is_consent = rulebook.asks(pack.activities[said.activity]) == "consent"
    ends = now + timedelta(days=said.valid_days) if is_open and is_consent and said.valid_days else None
    decision = Decision.objects.create(
        person_id=person,
        choice=choice,
        activity=said.activity,
        open=is_open,
        by=by,
        at=now,
        until=ends,
        policy=f"{pack.pack} {pack.version}",
        digest=digest(pack),
        language=language,
        words=said.asks,
    )
    note("decided", person=person, choice=choice, open=int(is_open), by=by.value)
    return decision


def stop_by_link(*, person: UUID, choice: str, written_at: datetime, language: Language) -> None:
    """Stop, once, what a mail of `written_at` is one of. Purpose: choosing. Raises Conflict if it was allowed since."""
    latest = Decision.objects.filter(person=person, choice=choice).order_by("-at", "-id").first()
    if latest and not latest.open:
        return
    if latest and latest.at > written_at:
        raise Conflict(
            _(
                "You allowed this anew after that mail was written. Stop it among your choices, or with a newer mail."
            )
        )
    decide(person=person, choice=choice, is_open=False, language=language, by=Decision.By.LINK)


def hear(*, person: UUID, signals: Iterable[Signal], language: Language) -> int:
    """Take a browser's signal as an objection where nothing was decided yet. Returns how many. Purpose: choosing."""
    pack, heard = settings.GLASSBED_PACK, set(signals)
    decided = set(Decision.objects.filter(person=person).values_list("choice", flat=True))
    stopped = [
        key
        for key, choice in pack.choices.items()
        if heard & set(choice.signals)
        and key not in decided
        and rulebook.asks(pack.activities[choice.activity]) == "objection"
    ]
    for key in stopped:
        decide(person=person, choice=key, is_open=False, language=language, by=Decision.By.SIGNAL)
    return len(stopped)
