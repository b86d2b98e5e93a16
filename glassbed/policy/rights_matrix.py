"""Which rights follow from which legal basis, and what somebody can take along: computed, never listed in a pack.

After legal_basis_rights_mapping of DPV 2.3, with two deviations. DPV leaves out information on data from elsewhere
(Art. 14) and decisions by a machine (Art. 22) for a legal obligation: both hold there too. And nobody has to bear
direct marketing, whatever it rests on (Art. 21(2)).
"""

from glassbed.policy import rulebook
from glassbed.policy.vocabulary import Activity, Lawful, Pack

_ALWAYS = frozenset({"13", "14", "15", "16", "18", "22", "77"})
MATRIX: dict[Lawful, frozenset[str]] = {
    "consent": _ALWAYS | {"17", "20", "7(3)"},
    "contract": _ALWAYS | {"17", "20"},
    "legal_obligation": _ALWAYS,
    "vital_interest": _ALWAYS | {"17"},
    "public_task": _ALWAYS | {"21"},
    "legitimate_interest": _ALWAYS | {"17", "21"},
}
"""Legal basis → articles of the GDPR that give a right there."""

INFORMED = frozenset({"13", "14"})
"""Rights that nobody has to ask for: the notice fulfils them."""


def articles(activity: Activity) -> frozenset[str]:
    """The articles that give people a right in an activity: what any of its grounds gives."""
    found = frozenset().union(*(MATRIX[ground.basis] for ground in activity.grounds))
    return found | {"21"} if is_marketing(activity) else found


def is_marketing(activity: Activity) -> bool:
    return "Marketing" in activity.dpv or "Advertising" in activity.dpv


def portable(pack: Pack, category: str) -> bool:
    """Whether a category can be taken along (Art. 20): provided or observed, under contract or consent, somewhere."""
    return any(
        {"provided", "observed"} & set(activity.categories[category].origin)
        and {"contract", "consent"} & {ground.basis for ground in rulebook.grounds_of(activity, category)}
        for activity in pack.activities.values()
        if category in activity.categories
    )
