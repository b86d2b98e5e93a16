"""The policy as JSON-LD in the words of DPV 2.3 (W3C Data Privacy Vocabulary), with its context inline."""

from typing import Any

from glassbed.policy import rulebook
from glassbed.policy.notice_data import retention_of
from glassbed.policy.statements import Reader
from glassbed.policy.vocabulary import Activity, Party, Retention

Node = dict[str, Any]

PREFIXES = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "tech": "https://w3id.org/dpv/tech#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "justifications": "https://w3id.org/dpv/justifications#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
CONTEXT: Node = {
    **PREFIXES,
    "title": "dct:title",
    "description": "dct:description",
    "version": "dct:hasVersion",
    "issued": {"@id": "dct:issued", "@type": "xsd:date"},
}
BASIS = {
    "consent": "eu-gdpr:A6-1-a",
    "contract": "eu-gdpr:A6-1-b",
    "legal_obligation": "eu-gdpr:A6-1-c",
    "vital_interest": "eu-gdpr:A6-1-d",
    "public_task": "eu-gdpr:A6-1-e",
    "legitimate_interest": "eu-gdpr:A6-1-f",
}
NECESSITY = {"required": "dpv:Required", "optional": "dpv:Optional"}
SOURCE = {
    "provided": "dpv:DataSubjectDataSource",
    "observed": "dpv:DataControllerDataSource",
    "derived": "dpv:DataControllerDataSource",
    "third_party": "dpv:ThirdPartyDataSource",
}
SUBJECT = {
    "account_holder": "dpv:User",
    "guest": "dpv:User",
    "visitor": "dpv:Visitor",
    "guardian": "dpv:GuardianOfDataSubject",
    "applicant": "dpv:JobApplicant",
    "customer": "dpv:Customer",
}
PARTY = {
    "controller": "dpv:DataController",
    "representative": "dpv:Representative",
    "officer": "dpv:DataProtectionOfficer",
    "processor": "dpv:DataProcessor",
    "affiliate": "dpv:Recipient",
    "partner": "dpv:Recipient",
    "recipient": "dpv:Recipient",
    "person": "dpv:Recipient",
    "authority": "dpv:Authority",
}
MECHANISM = {
    "adequacy": "eu-gdpr:A45-3",
    "standard_clauses": "eu-gdpr:A46-2-c",
    "binding_rules": "eu-gdpr:A46-2-b",
    "explicit_consent": "eu-gdpr:A49-1-a",
    "contract": "eu-gdpr:A49-1-b",
}
AUTOMATION = {
    "none": "dpv:NotAutomated",
    "profiling": "dpv:PartialAutomation",
    "decision": "dpv:FullAutomation",
}


def linked_data(reader: Reader, address: str) -> Node:
    """Return the policy as one graph. `address`: where it is served, from which every id is made."""
    pack = reader.pack
    nodes: list[Node] = [
        {
            "@id": address,
            "@type": "dpv:PrivacyNotice",
            "title": pack.title,
            "description": pack.summary,
            "version": pack.version,
            "issued": pack.effective.new_people,
            "dpv:hasProcess": [_ref("process", key) for key in pack.activities],
            "dpv:hasRight": [{"@id": _article(right.article)} for right in pack.rights.values()],
        },
        *(_party(key, party) for key, party in pack.parties.items()),
        *(_category(reader, key) for key in pack.categories),
        *(_storage(key, rule) for key, rule in pack.retention.items()),
        *(_measure(key, text) for key, text in pack.measures.items()),
        *(_process(reader, key, entry) for key, entry in pack.activities.items()),
    ]
    return {"@context": {**CONTEXT, "@base": address, "@language": reader.language}, "@graph": nodes}


def _ref(kind: str, key: str) -> Node:
    return {"@id": f"#{kind}-{key}"}


def _article(article: str) -> str:
    return f"eu-gdpr:A{article.replace('(', '-').replace(')', '')}"


def _party(key: str, party: Party) -> Node:
    contact = {"dpv:hasContact": party.contact} if party.contact else {}
    country = {} if len(party.country) > 2 else {"dpv:hasCountry": party.country}  # noqa: PLR2004 -- ISO 3166's two letters
    mechanism = MECHANISM.get(party.mechanism or "")
    rests = {"dpv:hasLegalBasis": {"@id": mechanism}} if mechanism else {}
    kind = PARTY[party.role]
    return {
        **_ref("party", key),
        "@type": kind,
        "dpv:hasName": party.name,
        "description": party.does,
        **contact,
        **country,
        **rests,
    }


def _category(reader: Reader, key: str) -> Node:
    entry = reader.pack.categories[key]
    types = [entry.dpv, *(["dpv:SpecialCategoryPersonalData"] if entry.special else [])]
    stored = [_ref("storage", rule) for rule in retention_of(reader, key)]
    return {
        **_ref("category", key),
        "@type": types,
        "title": entry.title,
        "description": entry.holds,
        "dpv:hasStorageCondition": stored,
    }


def _storage(key: str, rule: Retention) -> Node:
    duration = {"@type": "xsd:duration", "@value": f"P{rule.days}D"} if rule.days else None
    return {
        **_ref("storage", key),
        "@type": "dpv:StorageDuration" if rule.days else "dpv:StorageCondition",
        "title": rule.title,
        **({"dpv:hasDuration": duration} if duration else {}),
    }


def _measure(key: str, text: str) -> Node:
    return {**_ref("measure", key), "@type": "dpv:TechnicalOrganisationalMeasure", "description": text}


def _process(reader: Reader, key: str, entry: Activity) -> Node:
    controllers = [k for k, party in reader.pack.parties.items() if party.role == "controller"]
    return {
        **_ref("process", key),
        "@type": "dpv:Process",
        "title": entry.title,
        "description": entry.says,
        "dpv:hasPurpose": {"@id": entry.dpv},
        "dpv:hasDataController": [_ref("party", name) for name in controllers],
        "dpv:hasDataSubject": [{"@id": term} for term in sorted({SUBJECT[s] for s in entry.subjects})],
        "dpv:hasPersonalDataHandling": [_handling(entry, key, name) for name in entry.categories],
        "dpv:hasRecipient": [_ref("party", name) for name in entry.recipients],
        "dpv:hasAutomationLevel": {"@id": AUTOMATION[entry.automation]},
        "dpv:hasTechnicalOrganisationalMeasure": [_ref("measure", name) for name in entry.measures],
    }


def _handling(entry: Activity, key: str, category: str) -> Node:
    """What one category is needed for in one activity, on which ground, and from where it comes."""
    use = entry.categories[category]
    bases = sorted({BASIS[ground.basis] for ground in rulebook.grounds_of(entry, category)})
    return {
        **_ref("handling", f"{key}-{category}"),
        "@type": "dpv:PersonalDataHandling",
        "dpv:hasPersonalData": _ref("category", category),
        "dpv:hasNecessity": {"@id": NECESSITY[use.necessity]},
        "dpv:hasDataSource": [{"@id": term} for term in sorted({SOURCE[o] for o in use.origin})],
        "dpv:hasLegalBasis": [{"@id": term} for term in bases],
    }
