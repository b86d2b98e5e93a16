"""`glassbed policy`: what needs the live database, beside what needs none (policy/command.py)."""

import argparse

import psycopg
from psycopg.conninfo import make_conninfo

from glassbed.foundation.setup import setup_django
from glassbed.policy import command, pack


def main(argv: list[str]) -> int:
    parser, commands = command.parser()
    verifying = commands.add_parser("verify", help="compare the database with what the pack compiles to")
    verifying.set_defaults(run=_verify)
    trying = commands.add_parser(
        "what-if", help="say what another pack would change on this instance, and change nothing"
    )
    trying.add_argument("pack")
    trying.set_defaults(run=_what_if)
    return command.run(parser, argv)


def _verify(_arguments: argparse.Namespace) -> int:
    setup_django("web")
    from django.conf import settings

    from glassbed.foundation import drift
    from glassbed.foundation.bindings import bindings
    from glassbed.foundation.database import plain_login

    with plain_login() as connection, connection.transaction(force_rollback=True):
        found = drift.findings(connection, settings.GLASSBED_PACK, bindings(), settings.GLASSBED_ROLES)
    print("\n".join(found) or "The database is what the pack makes of it.")
    return 1 if found else 0


def _what_if(arguments: argparse.Namespace) -> int:
    new = pack.load(pack.find(arguments.pack))
    setup_django("prepare")
    from django.conf import settings

    from glassbed.foundation import what_if
    from glassbed.foundation.bindings import bindings

    with (
        psycopg.connect(make_conninfo(**settings.INSTANCE.deploy_dsn)) as deploy,
        deploy.transaction(force_rollback=True),
    ):
        said = what_if.report(deploy, settings.GLASSBED_PACK, new, bindings(), settings.GLASSBED_ROLES)
    for heading, lines in said.items():
        print(heading)
        print("\n".join(f"  {line}" for line in lines) or "  nothing")
    return 0
