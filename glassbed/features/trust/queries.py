"""Where a person stands with each choice, and what they decided before."""

from datetime import UTC, date, datetime, time
from typing import NamedTuple, cast
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from glassbed.features.trust.models import Decision, PolicyVersion, Verification
from glassbed.policy import rulebook
from glassbed.policy.pack import decoded, digest
from glassbed.policy.texts import localized
from glassbed.policy.vocabulary import Activity, Choice, Language, Pack
from glassbed.protocol.errors import NotFound


class Standing(NamedTuple):
    """A choice, in the person's language, with what holds now and since when."""

    key: str
    choice: Choice
    activity: Activity
    asked: rulebook.Asked
    is_open: bool
    decided: Decision | None


def standings(person: UUID | None, language: Language) -> list[Standing]:
    """Each choice of the pack, in its order; without a person, as it stands for who decided nothing. Purpose: choosing."""
    pack = localized(settings.GLASSBED_PACK, language)
    latest = {d.choice: d for d in decisions().order_by("at", "id")} if person else {}
    found = []
    for key, choice in pack.choices.items():
        activity = pack.activities[choice.activity]
        asked = rulebook.asks(activity) or "objection"
        decision = latest.get(key)
        is_open = decision.is_open_at(timezone.now()) if decision else asked == "objection"
        found.append(Standing(key, choice, activity, asked, is_open, decision))
    return found


def decisions() -> QuerySet[Decision]:
    """What this person decided, newest first. Purpose: choosing."""
    return Decision.objects.order_by("-at", "-id")


def decision(decision_id: UUID) -> Decision:
    """Raises NotFound. Purpose: choosing."""
    found = Decision.objects.filter(pk=decision_id).first()
    if found is None:
        raise NotFound
    return found


def policy_of(decision: Decision) -> Pack:
    """The policy under which somebody decided: in their language while it is in force, else as it was kept. Purpose: technical."""
    pack = settings.GLASSBED_PACK
    if decision.digest == digest(pack):
        return localized(pack, cast("Language", decision.language))
    return decoded(PolicyVersion.objects.get(pk=decision.digest).content)


def verifications() -> QuerySet[Verification]:
    """How each control stood when it was last tried. Purpose: technical."""
    return Verification.objects.order_by("control")


def version(digest: str) -> tuple[PolicyVersion, PolicyVersion | None]:
    """A version and the one before it. Raises NotFound. Purpose: technical."""
    found = PolicyVersion.objects.filter(pk=digest).first()
    if found is None:
        raise NotFound
    return found, versions().filter(published_at__lt=found.published_at).first()


def version_on(day: date) -> PolicyVersion:
    """The version that was in force at the end of a day, UTC. Raises NotFound. Purpose: technical."""
    end = datetime.combine(day, time.max, tzinfo=UTC)
    found = versions().filter(published_at__lte=end).first()
    if found is None:
        raise NotFound(_("No policy was in force here on that day yet."))
    return found


def versions() -> QuerySet[PolicyVersion]:
    """Every version that was in force, newest first. Purpose: technical."""
    return PolicyVersion.objects.order_by("-published_at")
