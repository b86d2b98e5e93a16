"""Bindings of traces."""

from glassbed.policy.binding import Access, Binding, Bound, Level, Own, Person

BINDINGS: dict[str, Binding] = {
    "traces_chunk": Bound(
        category="print",
        person=(Person("person_id"),),
        retention="until_removed",
        erasure="delete",
        portable=True,
        see=(Own("person_id"), Access("printer_id", Level.OPERATOR)),
        change=(Own("person_id"), Access("printer_id", Level.OWNER)),
        add=(),  # the recorder alone writes
    ),
}
