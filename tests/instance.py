"""One instance of Glassbed for the tests of a process: its folder and settings at once, its servers on demand.

Importing this sets Django up as the web process would be. Nothing is started before `start`.
"""

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import django
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from glassbed.processes.nats import Nats
from glassbed.processes.postgres import DATABASE, SUPERUSER, Postgres

PRISTINE = "glassbed_pristine"
"""The database as `prepare` left it, with nobody in it: what clones are made of."""

# Where the database's account can reach it: pytest's own folders are closed to others.
HOME = Path(tempfile.mkdtemp(prefix="gb-", dir="/tmp"))
HOME.chmod(0o711)
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

postgres = Postgres(HOME, {"fsync": "off", "full_page_writes": "off"})
nats = Nats(HOME)


def _set_up_django() -> None:
    """Settings are read once; the environment is given back, for tests that start other instances."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(("GLASSBED_", "GB_"))]:
        del os.environ[name]
    os.environ |= {
        "GLASSBED_HOME": str(HOME),
        "GLASSBED_DATABASE_URL": postgres.url(SUPERUSER, DATABASE, postgres.superuser_password),
        "DJANGO_SETTINGS_MODULE": "glassbed.web.settings",
    }
    try:
        django.setup()
        logging.getLogger().handlers.clear()  # ours writes to where pytest listened while it collected
    finally:
        os.environ.clear()
        os.environ.update(before)


_set_up_django()

from django.conf import settings  # noqa: E402 -- there are none before
from django.db import connections  # noqa: E402 -- as above

from glassbed.foundation import apply  # noqa: E402 -- as above
from glassbed.foundation.logins import SERVING  # noqa: E402 -- as above
from glassbed.processes.prepare import prepare  # noqa: E402 -- as above


def start() -> None:
    """Start database and bus, and prepare the instance."""
    postgres.start()
    nats.start()
    prepare()
    let_go()
    with superuser("postgres") as admin:
        admin.execute(f"CREATE DATABASE {PRISTINE} TEMPLATE {DATABASE}")


def stop() -> None:
    let_go()
    nats.stop()
    postgres.stop()


def let_go() -> None:
    """Close every connection of Django's."""
    for connection in connections.all():
        connection.close()
        if connection.settings_dict["OPTIONS"].get("pool"):
            connection.close_pool()


def superuser(database: str = DATABASE) -> "psycopg.Connection[tuple]":
    """Connect as who bypasses everything: to look, to tamper, and to make rows in bulk."""
    return psycopg.connect(
        make_conninfo(**{**settings.INSTANCE.deploy_dsn, "dbname": database}), autocommit=True
    )


def login(surface: str = "web", database: str = DATABASE) -> "psycopg.Connection[tuple]":
    """Connect as the login of one of our processes, with nothing of ours in between.

    The verifier can't log in: a superuser becomes it.
    """
    instance = settings.INSTANCE
    if surface not in SERVING:
        connection = superuser(database)
        connection.execute(f"SET SESSION AUTHORIZATION {instance.roles.login(surface)}")
        return connection
    account = {"user": instance.roles.login(surface), "password": instance.password(surface)}
    return psycopg.connect(
        make_conninfo(**{**instance.deploy_dsn, **account, "dbname": database}), autocommit=True
    )


@contextmanager
def surface(name: str) -> Iterator[None]:
    """Let Django work with the login of another process: worker or recorder."""
    web = connections["default"]
    web.close()
    described = {**web.settings_dict, **settings.INSTANCE.database(name)}
    described["OPTIONS"] = {"server_side_binding": True}  # a pool is kept by alias, and that is the web's
    other = type(web)(described, "default")
    connections["default"] = other
    try:
        yield
    finally:
        other.close()
        connections["default"] = web


@contextmanager
def clone() -> Iterator[str]:
    """A database of its own as `prepare` left it, to tamper with."""
    name = f"clone_{uuid4().hex[:12]}"
    with superuser("postgres") as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(PRISTINE))
        )
        try:
            with superuser(name) as deploy:
                apply.open_database(deploy, settings.GLASSBED_ROLES, name)
            yield name
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
