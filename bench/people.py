"""Rows to measure on, written by the owner in bulk."""

from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo

PEOPLE = """
INSERT INTO accounts_person (id, handle, password, is_active, is_operator, created_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'p' || i, '!', true, false, now()
FROM generate_series(1, %(people)s) i;
"""
PRINTERS = """
INSERT INTO printers_bridge (id, owner_id, name, public_key, version, platform, is_local, paired_at)
SELECT ('00000000-0000-7000-8001-' || lpad(to_hex(i), 12, '0'))::uuid,
       ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
       'Bridge', decode(lpad(to_hex(i), 64, '0'), 'hex'), '1', '', false, now()
FROM generate_series(1, %(people)s) i;
INSERT INTO printers_printer (id, owner_id, bridge_id, name, driver, address, software, firmware, model, serial,
                              hostname, can, keep_history, keep_trace, activated_at)
SELECT ('00000000-0000-7000-8002-' || lpad(to_hex(i), 12, '0'))::uuid,
       ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
       ('00000000-0000-7000-8001-' || lpad(to_hex(i), 12, '0'))::uuid,
       'Printer ' || i, 'simulated', 'simulated://x', '', '', '', '', '', '[]', true, true, now()
FROM generate_series(1, %(people)s) i;
"""
PRINTS = """
INSERT INTO jobs_print (id, printer_id, person_id, file_name, state, at_printer, created_at, started_at, ended_at,
                        duration_s, filament_mm, reason)
SELECT ('00000000-0000-7000-8003-' || lpad(to_hex(i), 12, '0'))::uuid,
       ('00000000-0000-7000-8002-' || lpad(to_hex(1 + i %% %(people)s), 12, '0'))::uuid,
       ('00000000-0000-7000-8000-' || lpad(to_hex(1 + i %% %(people)s), 12, '0'))::uuid,
       'part_' || i || '.gcode', 'completed', false, now() - i * interval '1 minute', now(), now(), 3600, 1000, ''
FROM generate_series(1, %(prints)s) i;
"""


def person(number: int) -> UUID:
    return UUID(f"00000000-0000-7000-8000-{number:012x}")


def print_of(number: int) -> UUID:
    return UUID(f"00000000-0000-7000-8003-{number:012x}")


def fill(people: int, prints: int) -> None:
    """Write `people`, each with a bridge and a printer, and `prints` spread over them."""
    with owner() as connection:
        for statements in (PEOPLE, PRINTERS, PRINTS):
            for statement in filter(str.strip, statements.split(";\n")):
                connection.execute(statement, {"people": people, "prints": prints})
        connection.execute("ANALYZE")


def owner() -> psycopg.Connection:
    """A connection of the deploy login: no purposes, no row policies."""
    from django.conf import settings

    return psycopg.connect(make_conninfo(**settings.INSTANCE.deploy_dsn), autocommit=True)
