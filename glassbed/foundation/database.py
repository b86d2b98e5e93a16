"""A connection of this process's own login with nothing in between: for questions about the database, not about people."""

from typing import Any

import psycopg
from django.conf import settings
from psycopg.conninfo import make_conninfo

from glassbed.protocol.errors import Unavailable

DSN = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}


def plain_login() -> psycopg.Connection[Any]:
    """Connect as the login of this process, which by itself may read no table of people."""
    database = settings.DATABASES["default"]
    try:
        return psycopg.connect(make_conninfo(**{key: database[name] for key, name in DSN.items()}))
    except psycopg.OperationalError as error:
        raise Unavailable(
            "The database does not answer: is Glassbed running? Start it with `glassbed run`."
        ) from error
