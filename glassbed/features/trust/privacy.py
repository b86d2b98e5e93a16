"""Bindings of decisions and holds."""

from glassbed.policy.binding import Binding, Bound, NotPersonal, Own, Person

BINDINGS: dict[str, Binding] = {
    "trust_decision": Bound(
        category="consent",
        person=(Person("person_id"),),
        retention="proof",
        erasure="keep",
        portable=False,
        see=(Own("person_id"),),
        add=(Own("person_id"),),
        change=(),  # what was decided is never rewritten: a new decision is a new row
        moment="at",
    ),
    "trust_policyversion": NotPersonal(because="what the policy said, and from when"),
    "trust_verification": NotPersonal(because="names of controls and what they found", also=("verifying",)),
    "trust_hold": Bound(
        category="hold",
        person=(Person("person_id"),),
        retention="with_account",
        erasure="delete",
        portable=False,
        see=(Own("person_id"),),
        change=(),  # made and lifted by who decides on rights and guardians alone
        moment="since",
    ),
}
