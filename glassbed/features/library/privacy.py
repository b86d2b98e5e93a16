"""Bindings of files and of their blobs."""

from glassbed.policy.binding import Binding, Bound, Own, Person

BINDINGS: dict[str, Binding] = {
    "library_file": Bound(
        category="print_file",
        person=(Person("owner_id"),),
        retention="until_removed",
        erasure="delete",
        portable=True,
        see=(Own("owner_id"),),
        moment="uploaded_at",
    ),
}
