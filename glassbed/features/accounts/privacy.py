"""Bindings of people, profiles and sessions."""

from glassbed.policy.binding import Binding, Bound, Own, Person, Sharing

BINDINGS: dict[str, Binding] = {
    "accounts_person": Bound(
        category="account",
        person=(Person("id"),),
        retention="with_account",
        erasure="delete",
        portable=True,
        see=(Own("id"),),
        confidential=("password",),
        moment="created_at",
    ),
    "accounts_profile": Bound(
        category="profile",
        person=(Person("person_id"),),
        retention="with_account",
        erasure="delete",
        portable=True,
        see=(Own("person_id"), Sharing("person_id")),
        change=(Own("person_id"),),
    ),
    "accounts_session": Bound(
        category="session",
        person=(Person("person_id"),),
        retention="session",
        erasure="delete",
        portable=False,
        see=(Own("person_id"),),
        confidential=("session_key", "session_data"),
        moment="created_at",
    ),
}
