"""Bindings of prints."""

from glassbed.policy.binding import Access, Binding, Both, Bound, Level, Own, Person

BINDINGS: dict[str, Binding] = {
    "jobs_print": Bound(
        category="print",
        person=(Person("person_id"),),
        retention="until_removed",
        erasure="delete",
        portable=True,
        see=(Own("person_id"), Access("printer_id", Level.OPERATOR)),
        change=(Access("printer_id", Level.OPERATOR),),
        remove=(Own("person_id"), Access("printer_id", Level.OWNER)),
        add=(Both(Own("person_id"), Access("printer_id", Level.OPERATOR)),),
        moment="created_at",
    ),
}
