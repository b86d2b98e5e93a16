"""Migrations run as the owner, everything else as this process's login."""


class MigrationsAsOwner:
    """Django's database router."""

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return db == "owner"
