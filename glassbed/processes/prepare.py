"""`glassbed prepare`: brings database, roles and policy to what this version and its pack say. Safe to repeat.

Runs as the deploy login (embedded: the superuser of its own cluster), before anything serves.
"""

import time

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from glassbed.foundation.logins import SERVING
from glassbed.foundation.setup import setup_django
from glassbed.foundation.strangers import Strange
from glassbed.policy.compile import Unbound
from glassbed.policy.pack import PackRefused


def main(argv: list[str]) -> int:
    if argv:
        print("glassbed prepare takes no arguments")
        return 2
    try:
        setup_django("prepare")
        prepare()
    except (PackRefused, Strange, Unbound) as refusal:
        print(f"{refusal.__doc__}\n{refusal}")
        return 1
    return 0


def prepare() -> None:
    """Roles, database, migrations, policy, and the operator's first link. Needs Django to be set up."""
    from django.conf import settings
    from django.core.management import call_command

    from glassbed.foundation import apply
    from glassbed.foundation.bindings import bindings

    instance = settings.INSTANCE
    dsn = instance.deploy_dsn
    passwords = {surface: instance.password(surface) for surface in SERVING}
    with psycopg.connect(make_conninfo(**{**dsn, "dbname": "postgres"}), autocommit=True) as admin:
        apply.create_roles(admin, instance.pack, instance.roles, passwords)
        _create_database(admin, dsn["dbname"])
    with psycopg.connect(make_conninfo(**dsn), autocommit=True) as deploy:
        apply.open_database(deploy, instance.roles, dsn["dbname"])
        call_command("migrate", database="owner", verbosity=0, interactive=False, skip_checks=True)
        apply.apply(deploy, instance.pack, bindings(), instance.roles, settings.GLASSBED_CONTEXT_SECRET)
    _offer_first_link()


def _create_database(admin: psycopg.Connection[object], name: str) -> None:
    if admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _offer_first_link() -> None:
    """Leave the link for the terminal while there is no operator."""
    from django.conf import settings

    from glassbed.features.accounts import first_link
    from glassbed.foundation.purpose import purpose

    with purpose("sign_in"):
        used = first_link.was_used()
    file = settings.HOME / "run" / "first-link"
    file.unlink(missing_ok=True)
    if not used:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(first_link.address(time.time()), encoding="ascii")
