"""One break of each kind of rule turns both red: the matrix of refusals, and the check that runs at every start."""

import household
import matrix
import pytest

from glassbed.foundation import apply

pytestmark = [pytest.mark.integration, pytest.mark.promise("GB-01")]

BREAKS = {
    "a grant dropped": ["REVOKE SELECT ON printers_printer FROM {printing}"],
    "a grant added": ["GRANT SELECT ON accounts_person TO {printing}"],
    "a grant on one column added": ["GRANT SELECT (password) ON accounts_person TO {printing}"],
    "a grant to a login": [
        "GRANT USAGE ON SCHEMA public TO {web}",
        "GRANT SELECT ON foundation_mail TO {web}",
    ],
    "a grant to everybody": ["GRANT SELECT ON library_file TO PUBLIC"],
    "a policy dropped": ["DROP POLICY gb_see ON jobs_print"],
    "a policy that lets everything through": ["ALTER POLICY gb_see ON library_file USING (true)"],
    "a policy added": ["CREATE POLICY more ON printers_share TO {printing} USING (true)"],
    "a policy for too many": ["ALTER POLICY gb_everyone ON accounts_profile TO {printing}"],
    "row policies off": ["ALTER TABLE traces_chunk DISABLE ROW LEVEL SECURITY"],
    "row policies not forced": ["ALTER TABLE printers_bridge NO FORCE ROW LEVEL SECURITY"],
    "a view with its owner's rights": ["CREATE VIEW everybody AS SELECT * FROM accounts_person"],
    "a context that is not checked": [
        (
            "CREATE OR REPLACE FUNCTION sec.everyone() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER "
            "AS 'SELECT false'"
        )
    ],
}

# Of roles, which all databases of the cluster share: each with the way back.
BREAKS_OF_ROLES = {
    "a membership that inherits": (
        "GRANT {printing} TO {web} WITH INHERIT TRUE",
        "GRANT {printing} TO {web} WITH INHERIT FALSE, SET TRUE",
    ),
    "a purpose given to another process": ("GRANT {recording} TO {web}", "REVOKE {recording} FROM {web}"),
    "a purpose taken from its process": (
        "REVOKE {mailing} FROM {worker}",
        "GRANT {mailing} TO {worker} WITH INHERIT FALSE, SET TRUE",
    ),
    "a login that bypasses": ("ALTER ROLE {web} BYPASSRLS", "ALTER ROLE {web} NOBYPASSRLS"),
}


@pytest.fixture
def asking(servers):
    with servers.clone() as name:
        key, secret = servers.settings.GLASSBED_ROLES.key, servers.settings.GLASSBED_CONTEXT_SECRET
        found = matrix.Asking(lambda s: servers.login(s, name), servers.superuser(name), key, secret)
        household.settle(found.superuser)
        yield found
        found.close()


def names(asking):
    purposes = {purpose: asking.role(purpose) for purpose in matrix.PURPOSES}
    return purposes | {surface: f"gb_{asking.key}_{surface}_login" for surface in matrix.SURFACES}


def is_drift(servers, asking):
    settings = servers.settings
    connection = asking.logins["web"]
    try:
        with connection.transaction(force_rollback=True):
            apply.verify(connection, settings.GLASSBED_PACK, settings.GLASSBED_ROLES)
    except apply.Drift:
        return True
    return False


def test_nothing_is_found_in_what_nobody_touched(servers, asking):
    assert not is_drift(servers, asking)
    assert matrix.findings(asking) == []


@pytest.mark.parametrize("kind", BREAKS)
def test_is_found_by_both(servers, asking, kind):
    for statement in BREAKS[kind]:
        asking.superuser.execute(statement.format(**names(asking)))
    assert is_drift(servers, asking)
    assert matrix.findings(asking)


@pytest.mark.parametrize("kind", BREAKS_OF_ROLES)
def test_in_the_roles_is_found_by_both(servers, asking, kind):
    break_it, mend_it = (text.format(**names(asking)) for text in BREAKS_OF_ROLES[kind])
    asking.superuser.execute(break_it)
    try:
        assert is_drift(servers, asking)
        assert matrix.findings(asking)
    finally:
        asking.superuser.execute(mend_it)
    assert not is_drift(servers, asking)


def test_a_wrong_bit_is_found_by_both(servers, asking):
    """Two purposes change bits: who stopped the one has stopped the other instead."""
    person = matrix.persons(asking.superuser)[0]
    mailing = 1 << list(matrix.PURPOSES).index("mailing")
    asking.superuser.execute(
        "UPDATE sec.person_state SET allowed = -1 & ~(%s::bigint) WHERE person = %s", [mailing, person]
    )
    assert matrix.findings(asking) == []
    for purpose, bit in (("mailing", 1 << 61), ("tidying", mailing)):
        asking.superuser.execute(
            "UPDATE sec.purpose SET bit = %s WHERE role = %s", [bit, asking.role(purpose)]
        )
    assert matrix.findings(asking)
    assert is_drift(servers, asking)


def test_a_wrong_reach_is_found_by_both(servers, asking):
    asking.superuser.execute(
        "UPDATE sec.purpose SET everyone = false WHERE role = %s", [asking.role("mailing")]
    )
    assert matrix.findings(asking)
    assert is_drift(servers, asking)


def test_another_pack_than_the_applied_one_is_drift(servers, asking):
    asking.superuser.execute("UPDATE sec.applied SET pack = 'another'")
    assert is_drift(servers, asking)


def test_a_database_without_a_policy_is_drift(servers, asking):
    asking.superuser.execute("DELETE FROM sec.applied")
    assert is_drift(servers, asking)


def test_applying_again_mends_what_was_broken_in_the_database(servers, asking):
    settings = servers.settings
    from glassbed.foundation.bindings import bindings

    for statements in BREAKS.values():
        for statement in statements:
            if "VIEW" not in statement:
                asking.superuser.execute(statement.format(**names(asking)))
    apply.open_database(asking.superuser, settings.GLASSBED_ROLES, asking.superuser.info.dbname)
    apply.apply(
        asking.superuser,
        settings.GLASSBED_PACK,
        bindings(),
        settings.GLASSBED_ROLES,
        settings.GLASSBED_CONTEXT_SECRET,
    )
    assert matrix.findings(asking) == []
    assert not is_drift(servers, asking)
