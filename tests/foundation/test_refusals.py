"""PostgreSQL refuses by itself: plain statements of the processes' own logins, no Python of ours in between."""

import household
import matrix
import psycopg
import pytest
from psycopg import sql

from glassbed.protocol.ids import uuid7

pytestmark = [pytest.mark.integration, pytest.mark.promise("GB-01")]


@pytest.fixture(scope="module")
def database(servers):
    with servers.clone() as name:
        yield name


@pytest.fixture(scope="module")
def asking(servers, database):
    found = open_matrix(servers, database)
    yield found
    found.close()


@pytest.fixture(scope="module")
def home(asking):
    household.settle(asking.superuser)
    return household.settle(asking.superuser)


@pytest.fixture
def web(asking):
    """The web process's login, in a transaction that is rolled back."""
    connection = asking.logins["web"]
    with connection.transaction(force_rollback=True):
        yield connection


def open_matrix(servers, database):
    settings = servers.settings
    return matrix.Asking(
        lambda surface: servers.login(surface, database),
        servers.superuser(database),
        settings.GLASSBED_ROLES.key,
        settings.GLASSBED_CONTEXT_SECRET,
    )


def count(connection, table):
    return connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()[0]


def test_every_purpose_touches_what_pack_and_bindings_say_and_nothing_else(asking, home):
    assert matrix.findings(asking) == []


PURPOSES_OF_WEB = [p for p in matrix.PURPOSES if "web" in matrix.surfaces(p)]


@pytest.mark.parametrize("purpose", PURPOSES_OF_WEB)
def test_a_context_that_does_not_hold_shows_nothing(asking, home, web, purpose):
    role, pid = asking.role(purpose), web.info.backend_pid
    other = next(p for p in PURPOSES_OF_WEB if p != purpose)
    good = asking.context(role, home.owner, pid)
    said, _, mac = good.rpartition("|")
    contexts = {
        "none": " ",
        "not five parts": said,
        "forged mac": f"{said}|{mac[::-1]}",
        "empty mac": f"{said}|",
        "other person under the same mac": good.replace(str(home.owner), str(home.stranger)),
        "work without a person under a person's mac": good.replace(str(home.owner), "-"),
        "expired": asking.context(role, home.owner, pid, lifetime_s=-1),
        "made for another backend": asking.context(role, home.owner, pid + 1),
        "made for a sibling purpose": asking.context(asking.role(other), home.owner, pid),
        "signed with another key": matrix.Asking.context(_Forger(), role, home.owner, pid),
    }
    for name, context in contexts.items():
        asking.take(web, purpose, context=context)
        for table in matrix.BOUND:
            if "SELECT" in matrix.allowed(purpose, table):
                assert count(web, table) == 0, (name, table)


class _Forger:
    secret = b"not the instance's own secret"


@pytest.mark.parametrize("purpose", PURPOSES_OF_WEB)
def test_a_context_that_does_not_hold_writes_nothing(asking, home, web, purpose):
    appended = [t for t in matrix.BOUND if "INSERT" in matrix.allowed(purpose, t)]
    rows = {table: matrix._rows(asking.superuser, table)[0] for table in appended}
    for table, row in rows.items():
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
            web.transaction(),
        ):
            asking.take(web, purpose, context="x")
            web.execute(
                sql.SQL("INSERT INTO {0} SELECT * FROM jsonb_populate_record(NULL::{0}, %s)").format(
                    sql.Identifier(table)
                ),
                [matrix.Jsonb(matrix._plain(row))],
            )


def test_a_valid_context_is_worthless_on_another_connection(servers, asking, home, web, database):
    context = asking.context(asking.role("printing"), home.owner, web.info.backend_pid)
    asking.take(web, "printing", context=context)
    assert count(web, "printers_printer") == 1
    with servers.login("web", database) as thief, thief.transaction():
        asking.take(thief, "printing", context=context)
        assert count(thief, "printers_printer") == 0


def test_a_valid_context_is_worthless_under_a_sibling_role(asking, home, web):
    """What injected SQL can do: keep the context, and take another role of the same login."""
    asking.take(web, "printing", home.owner)
    assert count(web, "printers_printer") == 1
    for purpose in PURPOSES_OF_WEB:
        if purpose == "printing":
            continue
        web.execute("RESET ROLE")
        web.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(asking.role(purpose))))
        assert web.execute("SELECT sec.me(), sec.everyone()").fetchone() == (None, False)
        for table in matrix.BOUND:
            if "SELECT" in matrix.allowed(purpose, table):
                assert count(web, table) == 0, (purpose, table)


def test_no_login_reads_the_secret_or_writes_who_may_what(asking, web):
    for statement in (
        "SELECT * FROM sec.secret",
        "UPDATE sec.secret SET inner_pad = ''",
        "INSERT INTO sec.access (printer, person, level) VALUES (gen_random_uuid(), gen_random_uuid(), 3)",
        "UPDATE sec.person_state SET stopped = 0, given = -1",
        "INSERT INTO sec.choice VALUES (gen_random_uuid(), 'news', true)",
        "DELETE FROM sec.hold",
        "SELECT sec.refresh()",
        "UPDATE sec.purpose SET everyone = true",
        "CREATE TABLE public.mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SELECT sec.follow_person()",
    ):
        assert matrix.is_refused(web, statement), statement
        for purpose in PURPOSES_OF_WEB:
            with web.transaction(force_rollback=True):
                asking.take(web, purpose)
                assert matrix.is_refused(web, statement), (purpose, statement)


def test_the_web_process_can_not_take_what_is_for_others(asking, web):
    others = [p for p in matrix.PURPOSES if "web" not in matrix.surfaces(p)]
    assert {"recording", "accountability", "tidying"} <= set(others)
    for purpose in others:
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied to set role"),
            web.transaction(),
        ):
            asking.take(web, purpose)


def test_there_is_no_view_that_looks_with_its_owners_rights(asking):
    assert list(matrix._catalogue(asking)) == []
    asking.superuser.execute("CREATE VIEW everybody AS SELECT * FROM accounts_person")
    try:
        assert list(matrix._catalogue(asking)) == ["view everybody shows rows with its owner's rights"]
    finally:
        asking.superuser.execute("DROP VIEW everybody")


def test_a_view_with_the_callers_rights_shows_the_callers_rows(asking, home, web):
    asking.superuser.execute("CREATE VIEW fair WITH (security_invoker) AS SELECT * FROM printers_printer")
    asking.superuser.execute(f"GRANT SELECT ON fair TO {asking.role('printing')}")
    try:
        asking.take(web, "printing", home.owner)
        assert web.execute("SELECT id FROM fair").fetchall() == [(home.printer,)]
    finally:
        web.execute("RESET ROLE")
        with pytest.raises(psycopg.errors.LockNotAvailable), asking.superuser.transaction():
            asking.superuser.execute("SET LOCAL lock_timeout = '10ms'")
            asking.superuser.execute("DROP VIEW fair")  # still locked by the transaction that looked


def bound_for(bridge, owner):
    described = dict.fromkeys(("software", "firmware", "model", "serial", "hostname"), "")
    return {
        "id": uuid7(),
        "owner_id": owner,
        "bridge_id": bridge,
        "name": "Mine",
        "driver": "octoprint",
        "address": "x",
        "can": [],
        "keep_history": True,
        "keep_trace": True,
        "activated_at": "2026-01-01T00:00:00Z",
        **described,
    }


def test_a_printer_can_not_be_hung_on_another_persons_bridge(asking, home):
    web = asking.logins["web"]
    with pytest.raises(psycopg.errors.ForeignKeyViolation), web.transaction():
        asking.take(web, "printing", home.owner)
        household.insert(web, "printers_printer", **bound_for(home.foreign_bridge, home.owner))
    with web.transaction(force_rollback=True):
        asking.take(web, "printing", home.owner)
        household.insert(web, "printers_printer", **bound_for(home.bridge, home.owner))
        web.execute("SET CONSTRAINTS ALL IMMEDIATE")


def share(printer, owner, person, level=2):
    return {
        "id": uuid7(),
        "printer_id": printer,
        "owner_id": owner,
        "person_id": person,
        "level": level,
        "created_at": "2026-01-01T00:00:00Z",
    }


def test_nobody_gives_themselves_a_share_of_another_persons_printer(asking, home):
    web = asking.logins["web"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"), web.transaction():
        asking.take(web, "printing", home.stranger)
        household.insert(web, "printers_share", **share(home.printer, home.owner, home.stranger))
    with pytest.raises(psycopg.Error), web.transaction():
        asking.take(web, "printing", home.stranger)
        household.insert(web, "printers_share", **share(home.printer, home.stranger, home.stranger))


def test_not_even_within_a_transaction_that_never_commits(asking, home, web):
    """A key that is checked at commit would leave time to look."""
    asking.take(web, "sharing", home.stranger)
    with pytest.raises(psycopg.Error, match="only the owner shares a printer"), web.transaction():
        web.execute("SET CONSTRAINTS ALL DEFERRED")
        household.insert(web, "printers_share", **share(home.printer, home.stranger, home.stranger))
    asking.take(web, "printing", home.stranger)
    assert web.execute("SELECT FROM printers_printer WHERE id = %s", [home.printer]).fetchall() == []


def test_a_share_given_is_a_level_at_once_and_taken_back_is_none(asking, home, web):
    def sees(person):
        asking.take(web, "printing", person)
        return web.execute("SELECT FROM printers_printer WHERE id = %s", [home.printer]).rowcount == 1

    assert [sees(p) for p in (home.owner, home.viewer, home.operator, home.left)] == [True, True, True, False]
    asking.take(web, "sharing", home.left)
    given = share(home.printer, home.owner, home.left, 1)
    household.insert(web, "printers_share", **given)
    assert sees(home.left)
    asking.take(web, "printing", home.owner)
    web.execute("DELETE FROM printers_share WHERE id = %s", [given["id"]])
    assert not sees(home.left)
