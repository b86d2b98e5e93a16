"""What one instance is made of, from its settings: pack, role names, databases, bus, secrets. No Django."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from glassbed.foundation.config import Config
from glassbed.policy import pack
from glassbed.policy.compile import Roles
from glassbed.policy.vocabulary import Pack
from glassbed.protocol.errors import Unavailable

DATABASE = "glassbed"
POOL = {"min_size": 1, "max_size": 10, "timeout": 10}
"""As many connections at most as the web process has threads."""


class Instance:
    """The instance of a data folder."""

    package = Path(__file__).resolve().parent.parent

    def __init__(self, config: Config) -> None:
        self.config = config

    @cached_property
    def pack(self) -> Pack:
        return pack.load(pack.find(self.config.policy))

    @cached_property
    def roles(self) -> Roles:
        """Names of the database roles; the key comes from a secret, so two instances of a cluster differ."""
        return Roles(hashlib.sha256(self.config.secret("instance")).hexdigest()[:6])

    @cached_property
    def deploy_dsn(self) -> dict[str, str]:
        """How to reach the database as the deploy login: as configured, or as the running supervisor says.

        Only `prepare` and `manage` are given its password.
        """
        url = (
            self.config.database_url
            or self._published("database-url")
            or "postgresql:///glassbed?host=/not-running"
        )
        return {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}

    @property
    def nats_url(self) -> str:
        """Where the bus is. Raises `Unavailable` when none is configured and no supervisor runs."""
        url = self.config.nats_url or self._published("nats-url")
        if url is None:
            raise Unavailable(f"Glassbed does not run in {self.config.home}: start it with `glassbed run`.")
        return url

    def _published(self, name: str) -> str | None:
        try:
            return (self.config.home / "run" / name).read_text(encoding="ascii")
        except OSError:
            return None

    def password(self, surface: str) -> str:
        return self.config.secret(f"database-{surface}").hex()

    def database(self, surface: str) -> dict[str, Any]:
        """Django's settings for a process: its own login, which may do nothing but take purposes."""
        dsn = self.deploy_dsn
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": dsn.get("dbname", DATABASE),
            "HOST": dsn.get("host", ""),
            "PORT": dsn.get("port", ""),
            "USER": self.roles.login(surface),
            "PASSWORD": self.password(surface),
            "OPTIONS": {"pool": POOL, "server_side_binding": True},
        }

    def owner_database(self) -> dict[str, Any]:
        """Django's settings for migrations: the deploy login acting as the tables' owner."""
        dsn = self.deploy_dsn
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": dsn.get("dbname", DATABASE),
            "HOST": dsn.get("host", ""),
            "PORT": dsn.get("port", ""),
            "USER": dsn.get("user", ""),
            "PASSWORD": dsn.get("password", ""),
            "OPTIONS": {"options": f"-c role={self.roles.owner} -c lock_timeout=5s"},
        }
