"""Row policies reach an index: no query of a person walks through the rows of all the others."""

import json

import household
import matrix
import pytest
from psycopg import sql

pytestmark = pytest.mark.integration

ROWS = 20_000
NEWEST = {
    "accounts_session": "last_used_at",
    "foundation_ledgernote": "at",
    "jobs_print": "created_at",
    "library_file": "uploaded_at",
    "printers_bridge": "paired_at",
    "printers_command": "issued_at",
    "printers_connection": "since",
    "printers_invitation": "created_at",
    "printers_printer": "activated_at",
    "printers_share": "created_at",
    "traces_chunk": "minute",
}
"""Table → by what its newest rows are listed; other tables have few rows a person."""


@pytest.fixture(scope="module")
def crowd(servers):
    """A household among the rows of 20,000 others."""
    with servers.clone() as name:
        settings = servers.settings
        asking = matrix.Asking(
            lambda surface: servers.login(surface, name),
            servers.superuser(name),
            settings.GLASSBED_ROLES.key,
            settings.GLASSBED_CONTEXT_SECRET,
        )
        people = household.settle(asking.superuser)
        with asking.superuser.transaction():
            asking.superuser.execute("SET LOCAL session_replication_role = replica")  # no keys, no triggers
            for table in matrix.BOUND:
                multiply(asking.superuser, table)
            asking.superuser.execute(
                "INSERT INTO sec.access SELECT id, owner_id, 3 FROM printers_printer ON CONFLICT DO NOTHING"
            )
            asking.superuser.execute(
                "INSERT INTO sec.person_state SELECT id FROM accounts_person ON CONFLICT DO NOTHING"
            )
        asking.superuser.execute("ANALYZE")
        yield asking, people
        asking.close()


def multiply(superuser, table):
    """Copy a table's first row with new ids, people and unique values."""
    unique = "SELECT attnum FROM pg_index i, unnest(i.indkey) AS attnum WHERE i.indrelid = %(t)s::regclass AND indisunique"
    columns = superuser.execute(
        f"SELECT attname, atttypid::regtype::text FROM pg_attribute WHERE attrelid = %(t)s::regclass AND attnum > 0 "
        f"AND NOT attisdropped AND (atttypid = 'uuid'::regtype OR attnum IN ({unique}))",
        {"t": table},
    ).fetchall()
    fresh = {
        "uuid": "gen_random_uuid()",
        "integer": "1000 + g",
        "bigint": "1000 + g",
        "bytea": "'\\x' || md5(g::text)",
        "boolean": "true",
    }
    values = ", ".join(f"'{name}', {fresh.get(kind, 'left(md5(g::text), 9)')}" for name, kind in columns)
    superuser.execute(
        sql.SQL(
            "INSERT INTO {table} SELECT x.* FROM (SELECT * FROM {table} LIMIT 1) r CROSS JOIN generate_series(1, {rows}) g "
            f"CROSS JOIN LATERAL jsonb_populate_record(NULL::{{table}}, to_jsonb(r) || jsonb_build_object({values}, '', g)) x "
            "ON CONFLICT DO NOTHING"
        ).format(table=sql.Identifier(table), rows=sql.Literal(ROWS))
    )


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def walks(connection, text):
    """Tables that a statement reads from end to end."""
    plan = connection.execute(sql.SQL("EXPLAIN (FORMAT JSON) ") + text).fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return [n["Relation Name"] for n in nodes(plan[0]["Plan"]) if n["Node Type"] == "Seq Scan"]


def readers():
    """Every table and every purpose that reads it for a person."""
    return [
        (purpose, table)
        for purpose in matrix.PURPOSES
        if not matrix.reaches_everyone(purpose)
        for table in matrix.BOUND
        if "SELECT" in matrix.allowed(purpose, table)
    ]


def test_the_crowd_is_large(crowd):
    asking, _people = crowd
    for table in matrix.BOUND:
        rows = asking.superuser.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        ).fetchone()
        assert rows[0] > ROWS / 2, table


@pytest.mark.parametrize(("purpose", "table"), readers())
@pytest.mark.parametrize("person", ["owner", "operator"])
def test_no_query_of_a_person_walks_through_everybodys_rows(crowd, purpose, table, person):
    asking, people = crowd
    web = asking.logins["web"]
    key = matrix.primary_keys(asking.superuser)[table]
    first = matrix._rows(asking.superuser, table)[0]
    where = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(k), sql.Literal(first[k])) for k in key
    )
    name = sql.Identifier(table)
    newest = sql.Identifier(NEWEST.get(table, key[0]))
    with web.transaction(force_rollback=True):
        asking.take(web, purpose, getattr(people, person))
        assert walks(web, sql.SQL("SELECT * FROM {} WHERE {}").format(name, where)) == []
        listed = sql.SQL("SELECT * FROM {} ORDER BY {} DESC LIMIT 50").format(name, newest)
        assert walks(web, listed) == []
        assert walks(web, sql.SQL("SELECT count(*) FROM {}").format(name)) == []
        if "UPDATE" in matrix.allowed(purpose, table):
            assert walks(web, sql.SQL("DELETE FROM {}").format(name)) == []


def test_a_walk_is_seen(crowd):
    """The check itself: without a policy that leads to an index, there is one."""
    asking, people = crowd
    web = asking.logins["web"]
    asking.superuser.execute("DROP INDEX file_recent")
    for (index,) in asking.superuser.execute(
        "SELECT indexname FROM pg_indexes WHERE tablename = 'library_file' AND indexdef LIKE '%owner_id%' "
        "AND indexdef NOT LIKE '%UNIQUE%'"
    ).fetchall():
        asking.superuser.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
    with web.transaction(force_rollback=True):
        asking.take(web, "printing", people.owner)
        assert walks(web, sql.SQL("SELECT * FROM library_file LIMIT 50")) == ["library_file"]
