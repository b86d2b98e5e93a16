"""The frame's own words around those of a pack: what a legal basis, a role or a grade is called, and key terms.

English; each text is translated where it is shown. Nothing here is a rule: rules stand in the pack.
"""


def gettext_noop(text: str) -> str:
    """Mark a text for translators."""
    return text


_ = gettext_noop


BASIS = {
    "contract": (_("Contract"), _("What you asked for can't be done without it (Art. 6(1)(b) GDPR).")),
    "consent": (_("Consent"), _("Only after your yes, and until you take it back (Art. 6(1)(a) GDPR).")),
    "legitimate_interest": (
        _("Legitimate interest"),
        _("Weighed against yours, and until you object (Art. 6(1)(f) GDPR)."),
    ),
    "legal_obligation": (_("Legal obligation"), _("A law demands it (Art. 6(1)(c) GDPR).")),
    "vital_interest": (_("Vital interest"), _("Somebody's life or health is at stake (Art. 6(1)(d) GDPR).")),
    "public_task": (_("Public task"), _("It is a task in the public interest (Art. 6(1)(e) GDPR).")),
}
NECESSITY = {"required": _("needed"), "optional": _("optional")}
ORIGIN = {
    "provided": _("from you"),
    "observed": _("from use"),
    "derived": _("made from other data"),
    "third_party": _("from others"),
}
AUTOMATION = {
    "none": _("No profile is made, and no machine decides alone."),
    "profiling": _("A machine makes a profile; people decide."),
    "decision": _("A machine decides alone. You can ask for a person to look at it."),
}
SUBJECTS = {
    "account_holder": _("people with an account"),
    "guest": _("guests at a shared printer"),
    "visitor": _("visitors"),
    "guardian": _("parents and guardians"),
    "applicant": _("job applicants"),
    "customer": _("customers"),
}
SPECIAL = {
    "biometric": _("Biometric data, specially protected (Art. 9 GDPR)."),
    "health": _("Data on health, specially protected (Art. 9 GDPR)."),
    "criminal": _("Data on crimes, specially protected (Art. 10 GDPR)."),
}
ROLE = {
    "controller": _("Controller"),
    "representative": _("Representative"),
    "officer": _("Data protection officer"),
    "affiliate": _("Affiliate"),
    "processor": _("Provider"),
    "partner": _("Partner"),
    "recipient": _("Recipient"),
    "authority": _("Authority"),
    "person": _("Person"),
}
MECHANISM = {
    "adequacy": _("A decision of the European Commission that the law there protects enough (Art. 45 GDPR)."),
    "standard_clauses": _("Standard contractual clauses (Art. 46(2)(c) GDPR)."),
    "binding_rules": _("Binding corporate rules (Art. 47 GDPR)."),
    "explicit_consent": _("Your explicit consent (Art. 49(1)(a) GDPR)."),
    "contract": _("A contract with you or for you (Art. 49(1)(b) and (c) GDPR)."),
    "local_law": _("The law of that country."),
}
MEANS = {
    "smtp": _("by mail"),
    "https": _("over an encrypted connection"),
    "page": _("on a page of this site"),
    "file": _("as a file"),
    "websocket": _("over a live connection"),
}
STORAGE = {
    "cookie": _("Cookie: goes back to this site with each request."),
    "local_storage": _("Local storage: stays in your browser."),
}
GRADE = {
    "necessary": _("Necessary"),
    "functional": _("Functional"),
    "analytics": _("Analytics"),
    "marketing": _("Marketing"),
}
IDENTITY = {
    "session": _("You only have to be signed in."),
    "password": _("You enter your password again."),
    "address": _("A code goes to your mail address."),
    "document": _("You show a document."),
}
REFUSAL = {
    "ConfidentialityObligationCompromised": _("it would break a duty of confidentiality"),
    "IdentityVerificationFailure": _("who asks could not be verified"),
    "LegalClaimImpaired": _("it is needed for a legal claim"),
    "LegalObligation": _("a law demands that it stays"),
    "LegallyExempted": _("a law exempts it"),
    "LegitimateInterestOverride": _("a compelling interest outweighs yours"),
    "ProcessExcessive": _("the same was asked again and again"),
    "ProcessUnfounded": _("what is asked is clearly unfounded"),
    "ThirdPartyRightsImpaired": _("it would harm the rights of others"),
}
SIGNAL = {"gpc": _("Global Privacy Control"), "dnt": _("Do Not Track")}
BELOW_AGE = {
    "guardian": _("A parent or guardian has to confirm."),
    "refused": _("There is no account below that age."),
}
PLACE = {
    "instance": _("Where this site runs"),
    "chosen": _("Depends on you or the operator"),
}
COUNTRY = {
    "AT": _("Austria"),
    "AU": _("Australia"),
    "BE": _("Belgium"),
    "BR": _("Brazil"),
    "CA": _("Canada"),
    "CH": _("Switzerland"),
    "CN": _("China"),
    "CZ": _("Czechia"),
    "DE": _("Germany"),
    "DK": _("Denmark"),
    "ES": _("Spain"),
    "FI": _("Finland"),
    "FR": _("France"),
    "GB": _("United Kingdom"),
    "HK": _("Hong Kong"),
    "IE": _("Ireland"),
    "IN": _("India"),
    "IT": _("Italy"),
    "JP": _("Japan"),
    "KR": _("South Korea"),
    "LU": _("Luxembourg"),
    "NL": _("Netherlands"),
    "NO": _("Norway"),
    "PL": _("Poland"),
    "PT": _("Portugal"),
    "SE": _("Sweden"),
    "SG": _("Singapore"),
    "TW": _("Taiwan"),
    "US": _("United States"),
}
"""Countries that are named in words; any other by its ISO 3166 code."""

SILENT = _("The policy's document is silent here; the house policy holds.")
STATED = _("Stated in the policy's document: {section}")

KEY_TERMS = {
    "personal-data": (_("Personal data"), _("What is about you, or can be traced to you.")),
    "controller": (_("Controller"), _("Who decides what data is used for, and answers for it.")),
    "provider": (_("Provider"), _("Who handles data for the controller, as told and for nothing else.")),
    "recipient": (_("Recipient"), _("Whoever gets data.")),
    "category": (_("Category"), _("A kind of data. Each table of the database stands in exactly one.")),
    "activity": (
        _("Activity"),
        _("What data is used for. It may touch the categories that are listed with it, and no other."),
    ),
    "legal-basis": (_("Legal basis"), _("Why the law allows an activity.")),
    "consent": (_("Consent"), _("Your yes. It is off until you give it, and you can take it back.")),
    "balancing": (
        _("Balancing test"),
        _("An interest of ours, weighed in writing against yours. You can object to it."),
    ),
    "transfer": (_("Transfer"), _("Data reaches another country than the one where this site runs.")),
    "retention": (_("Retention"), _("How long something is kept, and what ends it.")),
    "restriction": (_("Restriction"), _("Your data stays, and is used for nothing but your rights.")),
    "way-out": (
        _("Way out"),
        _("The one list of fields that may leave for one recipient. What is not listed stays."),
    ),
    "policy": (_("Policy pack"), _("The file that this notice is made from, and that the database obeys.")),
    "digest": (_("Digest"), _("A fingerprint of the policy. One changed word changes it.")),
    "record": (
        _("Record of decisions"),
        _("A chain of fingerprints of what was decided. Whoever changes a link breaks it visibly."),
    ),
    "bridge": (
        _("Bridge"),
        _("The small program in the printers' own network. It speaks to printers and dials out."),
    ),
    "share": (_("Share"), _("Somebody else may watch or use your printer until you end it.")),
    "gpc": (_("Global Privacy Control"), _("A word of your browser's: do not sell or share.")),
    "cookie": (_("Cookie"), _("A small text that your browser keeps and sends back to this site.")),
}
