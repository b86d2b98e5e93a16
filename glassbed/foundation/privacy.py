"""Bindings of the foundation's own tables and of Django's and allauth's."""

from glassbed.policy.binding import Binding, Bound, NotPersonal, Own, Person

BINDINGS: dict[str, Binding] = {
    "foundation_datakey": Bound(
        category="key",
        person=(Person("person_id"),),
        retention="with_account",
        erasure="delete",
        portable=False,
        see=(Own("person_id"),),
        confidential=("wrapped",),
        moment="created_at",
    ),
    "foundation_ledgernote": Bound(
        category="ledger",
        append_null=("seq",),  # the sealer alone numbers
        person=(Person("person_id"),),
        retention="with_account",
        erasure="delete",
        portable=False,
        see=(Own("person_id"),),
        change=(),
        confidential=("salt",),
    ),
    "foundation_ledgerentry": NotPersonal(
        because="digests over salted notes, sequence numbers and kinds only", also=("accountability",)
    ),
    "foundation_mail": Bound(
        category="mail",
        person=(Person("person_id"),),
        retention="mail",
        erasure="delete",
        portable=False,
        see=(Own("person_id"),),
        change=(),
        confidential=("text",),  # some hold a code that proves that an address is one's own
        moment="created_at",
    ),
    "account_emailaddress": Bound(
        category="contact",
        person=(Person("user_id"),),
        retention="with_account",
        erasure="delete",
        portable=True,
        see=(Own("user_id"),),
    ),
    "account_emailconfirmation": Bound(
        category="contact",
        person=(Person("email_address_id", via="account_emailaddress"),),
        retention="with_account",
        erasure="delete",
        portable=False,
        confidential=("key",),
    ),
    "django_content_type": NotPersonal(because="names of tables"),
    "django_migrations": NotPersonal(because="names of migrations"),
    "auth_permission": NotPersonal(because="names of permissions; none is given to anybody"),
    "auth_group": NotPersonal(because="names of groups; there are none"),
    "auth_group_permissions": NotPersonal(because="joins two tables of names"),
}
