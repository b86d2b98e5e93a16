"""Bindings of bridges, printers, shares, connections and commands."""

from glassbed.policy.binding import Access, Binding, Both, Bound, Level, Own, Person

BINDINGS: dict[str, Binding] = {
    "printers_bridge": Bound(
        category="device",
        person=(Person("owner_id"),),
        retention="until_removed",
        erasure="delete",
        portable=True,
        see=(Own("owner_id"),),
    ),
    "printers_pairing": Bound(
        category="device",
        person=(Person("person_id"),),
        retention="pairing",
        erasure="delete",
        portable=False,
        change=(),
    ),
    "printers_printer": Bound(
        category="device",
        person=(Person("owner_id"),),
        retention="until_removed",
        erasure="delete",
        portable=True,
        see=(Own("owner_id"), Access("id")),
        change=(Own("owner_id"),),
    ),
    "printers_share": Bound(
        category="share",
        add=(),  # comes into being by accepting an invitation alone
        remove=(Own("owner_id"), Own("person_id")),
        person=(Person("owner_id"), Person("person_id", role="party")),
        retention="until_removed",
        erasure="delete",
        portable=True,
        see=(Own("owner_id"), Own("person_id")),
        change=(Own("owner_id"),),
    ),
    "printers_invitation": Bound(
        category="share",
        person=(Person("owner_id"),),
        retention="until_removed",
        erasure="delete",
        portable=False,
        see=(Own("owner_id"),),
        confidential=("token_hash",),
    ),
    "printers_connection": Bound(
        category="device",
        person=(Person("owner_id"),),
        retention="until_removed",
        erasure="delete",
        portable=True,
        see=(Own("owner_id"),),
    ),
    "printers_command": Bound(
        category="usage",
        person=(Person("person_id"),),
        retention="until_removed",
        erasure="delete",
        portable=True,
        see=(Own("person_id"), Access("printer_id", Level.OWNER)),
        change=(Own("person_id"), Access("printer_id", Level.OWNER)),
        add=(Both(Own("person_id"), Access("printer_id", Level.OPERATOR)),),
    ),
}
