"""The page of choices: each by itself, withdrawn where it was given, and said beforehand what stops."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from glassbed.features.accounts.models import Person
from glassbed.features.accounts.request import SignedIn, Visit
from glassbed.features.trust import actions, queries, signals
from glassbed.foundation.purpose import for_purpose, purpose, technical
from glassbed.policy.receipt import Decided, receipt
from glassbed.policy.texts import localized
from glassbed.policy.vocabulary import Language

RECENT = 50


def language() -> Language:
    """The language of this request, as packs name it."""
    spoken = get_language()
    return next((known for known in settings.GLASSBED_PACK.languages if known == spoken), "en")


@for_purpose("choosing", signed_in=False, opens=False)
@require_safe
def choices(request: Visit) -> HttpResponseBase:
    """What may be chosen, and where this person stands; for a visitor, what would hold."""
    context: dict[str, Any] = {
        "heard": sorted(signals.heard(request)),
        "honoured": sorted(signals.honoured(request, settings.GLASSBED_PACK)),
    }
    if not isinstance(request.user, Person):
        return render(
            request, "trust/choices.html", {**context, "standings": queries.standings(None, language())}
        )
    with purpose("choosing", person=request.user.pk):
        context |= {
            "standings": queries.standings(request.user.pk, language()),
            "decisions": list(queries.decisions()[:RECENT]),
        }
        return render(request, "trust/choices.html", context)


@for_purpose("choosing")
@require_POST
def choose(request: SignedIn, choice: str) -> HttpResponseBase:
    """Allow or refuse one thing. Giving and withdrawing are the same step."""
    is_open = request.POST.get("open") == "1"
    decision = actions.decide(person=request.user.pk, choice=choice, is_open=is_open, language=language())
    said = localized(settings.GLASSBED_PACK, language()).choices[decision.choice]
    messages.success(
        request,
        _("Allowed: %(choice)s.") % {"choice": said.title}
        if is_open
        else _("Stopped: %(choice)s.") % {"choice": said.title},
    )
    return redirect("choices")


@for_purpose("choosing", opens=False)
@require_safe
def download_receipt(request: SignedIn, decision_id: UUID) -> HttpResponseBase:
    """The receipt of a decision, in the words and under the policy with which it was made."""
    with purpose("choosing", person=request.user.pk):
        decision = queries.decision(decision_id)
    with technical():
        pack = queries.policy_of(decision)
    decided = Decided(
        id=str(decision.pk),
        person=str(decision.person_id),
        choice=decision.choice,
        is_open=decision.open,
        at=decision.at,
        until=decision.until,
        digest=decision.digest,
        language=decision.language,
        words=decision.words,
    )
    answer = JsonResponse(
        receipt(pack, decided, address=settings.GLASSBED.public_url), json_dumps_params={"indent": 2}
    )
    answer["Content-Disposition"] = f'attachment; filename="glassbed-{decision.choice}-{decision.pk}.json"'
    return answer
