"""What the ledger's notes say of a person. The product lets nobody but its sealer read them."""

from instance import superuser

from glassbed.features.accounts.models import Person


def noted(person: Person) -> list[str]:
    """Kinds of decisions that were noted about a person, in their order."""
    with superuser() as admin:
        rows = admin.execute(
            "SELECT kind FROM foundation_ledgernote WHERE person_id = %s ORDER BY at, id", [person.pk]
        )
        return [kind for (kind,) in rows]
