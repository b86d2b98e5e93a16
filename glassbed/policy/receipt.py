"""The receipt of a decision, after ISO/IEC TS 27560:2023 with the GDPR's additions of the W3C DPV guide."""

from datetime import datetime
from typing import Any, NamedTuple

from glassbed.policy import rulebook
from glassbed.policy.vocabulary import Activity, Pack, Right

SCHEMA = "ISO/IEC TS 27560:2023"
TERMS = {"consent": "eu-gdpr:A6-1-a", "objection": "eu-gdpr:A6-1-f"}
STATES = {
    ("consent", True): "dpv:ConsentGiven",
    ("consent", False): "dpv:ConsentWithdrawn",
    ("objection", True): "dpv:OptingInToProcess",
    ("objection", False): "dpv:OptingOutFromProcess",
}


class Decided(NamedTuple):
    """A decision, as it is kept."""

    id: str
    person: str
    choice: str
    is_open: bool
    at: datetime
    until: datetime | None
    digest: str
    language: str
    words: str


def receipt(pack: Pack, decided: Decided, *, address: str) -> dict[str, Any]:
    """Return the receipt as JSON-ready values. `pack` speaks the decision's language; `address` is the instance's."""
    activity = pack.activities[pack.choices[decided.choice].activity]
    asked = rulebook.asks(activity) or "objection"
    return {
        "schema_version": SCHEMA,
        "record_id": decided.id,
        "receipt_id": decided.id,
        "pii_principal_id": decided.person,
        "privacy_notice": f"{address}/privacy/notice/",
        "privacy_notice_version": f"{pack.pack} {pack.version}",
        "privacy_notice_digest_sha256": decided.digest,
        "language": decided.language,
        "words_shown": decided.words,
        "purposes": [_purpose(pack, activity, asked)],
        "pii_controllers": [
            {"name": party.name, "contact": party.contact, "address": party.address, "role": party.role}
            for party in pack.parties.values()
            if party.role == "controller"
        ],
        "storage_locations": [address],
        "jurisdiction": "GDPR",
        "withdrawal_method": f"{address}/privacy/choices/",
        "privacy_rights": [_article(right) for right in pack.rights.values()],
        "event": {
            "event_time": decided.at.isoformat(),
            "event_type": "explicit" if asked == "consent" else "objection",
            "event_state": STATES[asked, decided.is_open],
            "validity_until": decided.until.isoformat() if decided.until else None,
            "entity_id": decided.person,
        },
    }


def _purpose(pack: Pack, activity: Activity, asked: rulebook.Asked) -> dict[str, Any]:
    return {
        "purpose": activity.title,
        "purpose_type": activity.dpv,
        "description": activity.says,
        "lawful_basis": TERMS[asked],
        "pii": [
            {
                "pii_type": pack.categories[key].title,
                "dpv": pack.categories[key].dpv,
                "pii_optional": use.necessity == "optional",
                "source": list(use.origin),
            }
            for key, use in activity.categories.items()
        ],
        "recipients": [pack.parties[key].name for key in activity.recipients],
        "automated_decision": activity.automation,
    }


def _article(right: Right) -> str:
    """The term of an article: 7(3) is eu-gdpr:A7-3."""
    return f"eu-gdpr:A{right.article.replace('(', '-').rstrip(')')}"
