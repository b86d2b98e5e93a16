"""The same matrix in every shipped pack: what may be read and written, for each purpose and activity, on real rows."""

from pathlib import Path

import household
import matrix
import psycopg
import pytest
import yaml
from oracle import Policy
from psycopg import sql

from glassbed.foundation import apply, drift
from glassbed.foundation.bindings import bindings
from glassbed.policy.pack import find, load
from glassbed.policy.vocabulary import Pack

pytestmark = pytest.mark.integration

VENDORS = ["bambulab", "tiertime", "anycubic"]


@pytest.fixture(scope="module", params=VENDORS)
def applied(request, servers):
    """A database of its own under a vendor's pack; afterwards the cluster's roles are the house's again."""
    settings = servers.settings
    pack, roles = load(find(request.param)), settings.GLASSBED_ROLES
    passwords = {surface: settings.INSTANCE.password(surface) for surface in matrix.SURFACES}
    with servers.superuser("postgres") as admin:
        apply.create_roles(admin, pack, roles, passwords)
    try:
        with servers.clone() as name:
            with servers.superuser(name) as deploy:
                apply.apply(deploy, pack, bindings(), roles, settings.GLASSBED_CONTEXT_SECRET)
            found = matrix.Asking(
                lambda surface: servers.login(surface, name),
                servers.superuser(name),
                roles.key,
                settings.GLASSBED_CONTEXT_SECRET,
                Policy(request.param),
            )
            household.settle(found.superuser)
            yield found, pack
            found.close()
    finally:
        with servers.superuser("postgres") as admin:
            apply.create_roles(admin, settings.GLASSBED_PACK, roles, passwords)
            for name in pack.activities.keys() - settings.GLASSBED_PACK.activities.keys():
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(roles.activity(name))))


@pytest.mark.promise("BL-17", part="showing the diff of a change before it is applied to a running instance")
def test_the_database_does_what_the_pack_says_and_nothing_else(applied):
    asking, _pack = applied
    assert matrix.findings(asking) == []


def test_the_catalogue_is_the_compiled_one(servers, applied):
    asking, pack = applied
    web = asking.logins["web"]
    with web.transaction(force_rollback=True):
        assert drift.findings(web, pack, bindings(), servers.settings.GLASSBED_ROLES) == []


LETTERS = {
    "A": ["accounts_person", "accounts_profile", "accounts_session"],
    "C": ["account_emailaddress"],
    "D": ["printers_bridge", "printers_printer", "printers_connection"],
    "U": ["printers_command"],
    "G": ["jobs_print", "traces_chunk", "library_file"],
}
"""Tables by the letters of BL-28; the other seven have none yet."""


def matrix_of_the_book():
    """Purpose → letters, read from the promise's own sentence."""
    book = yaml.safe_load((Path(__file__).parents[2] / "docs" / "promises.yaml").read_text())
    _, _, listed = book["BL-28"]["says"].partition("): ")
    rows = {}
    for row in listed.rstrip(".").split("; "):
        names, _, letters = row.rpartition(" ")
        for name in names.split(" and "):
            rows[name.strip()] = set(letters)
    return rows


@pytest.mark.promise("BL-28", part="the seven categories for which there is no table yet")
@pytest.mark.parametrize("applied", ["bambulab"], indirect=True)
def test_bambus_twelve_purposes_read_exactly_what_the_document_lists(applied):
    asking, pack = applied
    wanted = matrix_of_the_book()
    assert len(wanted) == 12
    for purpose, letters in wanted.items():
        for letter, tables in LETTERS.items():
            for table in tables:
                assert reads(asking, activity_named(pack, purpose), table) == (letter in letters), (
                    purpose,
                    table,
                )


def activity_named(pack: Pack, purpose: str) -> str:
    return next(key for key in pack.activities if key[:6] == purpose[:6])


def reads(asking, activity, table):
    verifier = asking.logins["verifier"]
    try:
        with verifier.transaction(force_rollback=True):
            asking.take(verifier, f"activity:{activity}")
            verifier.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True
