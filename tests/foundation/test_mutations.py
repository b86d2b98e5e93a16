"""One break of each kind of rule turns both red: the matrix of refusals, and the check that runs at every start."""

import household
import matrix
import pytest

from glassbed.foundation import apply, drift
from glassbed.foundation.bindings import bindings

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
    "one's own data shown to all": ["ALTER POLICY gb_self ON jobs_print USING (true)"],
    "consent that nobody needs": ["ALTER POLICY gb_everyone_consent ON account_emailaddress USING (true)"],
    "objection that nobody hears": [
        "ALTER POLICY gb_everyone_objection ON jobs_print USING ((SELECT sec.everyone()))"
    ],
    "an activity that reads more": ["GRANT SELECT ON library_file TO {activity_statistics}"],
    "a context that is not checked": [
        (
            "CREATE OR REPLACE FUNCTION sec.everyone() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER "
            "AS 'SELECT false'"
        )
    ],
}

# Of roles, which all databases of the cluster share: each with the way back.
BREAKS_OF_ROLES = {
    "somebody who may become the owner": (
        "CREATE ROLE gb_mallory LOGIN; GRANT {owner} TO gb_mallory",
        "DROP ROLE gb_mallory",
    ),
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
    purposes = {name.replace(":", "_"): asking.role(name) for name in asking.policy.names}
    purposes["owner"] = f"gb_{asking.key}_owner"
    return purposes | {surface: f"gb_{asking.key}_{surface}_login" for surface in matrix.SURFACES}


def is_drift(servers, asking):
    settings = servers.settings
    connection = asking.logins["web"]
    try:
        with connection.transaction(force_rollback=True):
            drift.verify(connection, settings.GLASSBED_PACK, bindings(), settings.GLASSBED_ROLES)
    except drift.Drift as found:
        return str(found)
    return ""


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


def said(servers, asking, *statements):
    for statement in statements:
        asking.superuser.execute(statement.format(**names(asking)))
    return is_drift(servers, asking).splitlines()[1:]


def test_drift_is_said_in_words(servers, asking):
    role = asking.role("printing")
    assert said(servers, asking, "REVOKE SELECT ON printers_printer FROM {printing}") == [
        "table public.printers_printer was changed since the policy was applied",
        f"{role} may not SELECT on printers_printer, and pack and bindings say it may",
    ]
    asking.superuser.execute(f"GRANT SELECT ON printers_printer TO {role}")
    assert said(
        servers,
        asking,
        "DROP POLICY gb_see ON jobs_print",
        "ALTER TABLE jobs_print NO FORCE ROW LEVEL SECURITY",
    ) == [
        "policy public.jobs_print.gb_see is gone since the policy was applied",
        "table public.jobs_print was changed since the policy was applied",
        "row policy gb_see of jobs_print is missing",
        "table jobs_print does not force its row policies",
    ]


def test_a_publication_is_drift(servers, asking):
    assert said(servers, asking, "CREATE PUBLICATION leak FOR TABLE accounts_person") == [
        "publication leak sends rows out of the database, past every policy"
    ]


@pytest.mark.parametrize(
    ("activity", "change"),
    [
        ("statistics", "SET asked_bit = 0"),
        ("news", "SET asked_opens = true"),
        ("news", "SET asked_bit = 1"),
        ("printing", "SET bit = 0"),
    ],
)
def test_a_wrong_bit_is_found_by_both(servers, asking, activity, change):
    asking.superuser.execute(f"UPDATE sec.purpose {change} WHERE role = %s", [asking.role(activity)])
    assert matrix.findings(asking)
    assert is_drift(servers, asking)


@pytest.mark.parametrize("despite", ["'{}'", "'{restriction,missing_guardian}'"])
def test_a_wrong_exception_from_holds_is_found_by_both(servers, asking, despite):
    asking.superuser.execute(f"UPDATE sec.bit SET despite = {despite}")
    asking.superuser.execute("SELECT sec.refresh()")
    assert matrix.findings(asking)
    assert is_drift(servers, asking)


@pytest.mark.parametrize(
    "break_it",
    ["DROP TRIGGER gb_follow ON trust_decision", "ALTER TABLE trust_decision DISABLE TRIGGER gb_follow"],
)
def test_a_decision_that_nothing_follows_is_found_by_both(servers, asking, break_it):
    asking.superuser.execute(break_it)
    household.decide(asking.superuser, matrix.persons(asking.superuser)[0], "statistics", is_open=False)
    assert matrix.findings(asking)
    assert is_drift(servers, asking)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE sec.person_state SET given = 0",
        "UPDATE sec.person_state SET given = -1",
        "UPDATE sec.person_state SET stopped = 0",
        "DELETE FROM sec.hold",
        "DELETE FROM sec.choice",
    ],
)
def test_a_state_that_does_not_follow_from_peoples_decisions_is_found(asking, tampering):
    """It is data, not catalogue: the matrix finds it, and the next `prepare` works it out anew from the decisions."""
    asking.superuser.execute(tampering)
    asking.superuser.execute("SELECT sec.refresh()" if "DELETE" in tampering else "SELECT 1")
    assert matrix.findings(asking)


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
