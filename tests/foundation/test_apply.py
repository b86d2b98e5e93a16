"""A deploy login that is no superuser: it prepares what it may, and says what a superuser has to do."""

import secrets

import psycopg
import pytest
from django.conf import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from glassbed.foundation import apply, logins
from glassbed.policy.compile import SURFACES, Roles

pytestmark = pytest.mark.integration
PACK = settings.GLASSBED_PACK


class Foreign:
    """A deploy login of its own in the cluster, with roles and a database that are nobody else's."""

    def __init__(self, servers):
        self.roles = Roles(secrets.token_hex(3))
        self.name = f"deploy_{self.roles.key}"
        self.passwords = {surface: secrets.token_hex(8) for surface in SURFACES}
        self._password = secrets.token_hex(8)
        self._servers = servers

    def make(self):
        name = sql.Identifier(self.name)
        with self._servers.superuser("postgres") as admin:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(name, self._password))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))

    def drop(self):
        with self._servers.superuser("postgres") as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.name)))
            for role in (*self.roles.every(PACK), self.name):
                admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))

    def connect(self, database, user=None, password=None):
        account = {"user": user or self.name, "password": password or self._password, "dbname": database}
        return psycopg.connect(make_conninfo(**{**settings.INSTANCE.deploy_dsn, **account}), autocommit=True)

    def login(self, surface):
        return self.connect(self.name, self.roles.login(surface), self.passwords[surface])


@pytest.fixture
def foreign(servers):
    found = Foreign(servers)
    found.make()
    yield found
    found.drop()


def prepare(foreign):
    with foreign.connect("postgres") as admin:
        apply.create_roles(admin, PACK, foreign.roles, foreign.passwords)
    with foreign.connect(foreign.name) as deploy:
        apply.open_database(deploy, foreign.roles, foreign.name)


def test_roles_and_schemas_need_no_superuser_also_the_second_time(foreign, servers):
    for _ in range(2):
        prepare(foreign)
    with servers.superuser(foreign.name) as admin:
        made = admin.execute(
            "SELECT rolname::text FROM pg_roles WHERE rolname LIKE %s", [f"gb\\_{foreign.roles.key}\\_%"]
        )
        assert {name for (name,) in made} == set(foreign.roles.every(PACK))
        owner = "SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace WHERE nspname = 'sec'"
        assert admin.execute(owner).fetchone() == (foreign.roles.sec,)
        may_grant = "SELECT has_schema_privilege(%s, 'public', 'CREATE WITH GRANT OPTION')"
        assert admin.execute(may_grant, [foreign.roles.owner]).fetchone() == (True,)


def test_everybody_else_is_kept_out_of_the_database(foreign, servers):
    prepare(foreign)
    foreign.login("web").close()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        servers.login("web", foreign.name)


def test_a_log_that_would_hold_values_stops_the_start_until_a_superuser_ran_what_is_said(foreign, servers):
    """A superuser's own `prepare` does it by itself; another deploy login may not."""
    name = foreign.roles.login("web")
    prepare(foreign)
    with servers.superuser("postgres") as admin:  # the embedded server is quiet by itself; another may not be
        admin.execute(sql.SQL("ALTER ROLE {} SET log_statement = 'all'").format(sql.Identifier(name)))
    prepare(foreign)
    with foreign.login("web") as web, pytest.raises(logins.TalkativeDatabase) as refused:
        logins.require_quiet(web, name)
    statements = [line for line in str(refused.value).splitlines() if line.startswith("ALTER ROLE")]
    assert len(statements) == len(logins.QUIET)
    with servers.superuser("postgres") as admin:
        for statement in statements:
            admin.execute(statement)
    with foreign.login("web") as web:
        logins.require_quiet(web, name)


def test_what_a_role_was_given_by_hand_only_a_superuser_takes_back(foreign, servers):
    prepare(foreign)
    name = foreign.roles.login("web")
    asked = "SELECT rolcreatedb FROM pg_roles WHERE rolname = %s"
    with servers.superuser("postgres") as admin:
        admin.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(name)))
        prepare(foreign)
        assert admin.execute(asked, [name]).fetchone() == (True,)
        with admin.transaction():
            assert f"{name} is CREATEDB" in list(logins.findings(admin, foreign.roles))
        apply.create_roles(admin, PACK, foreign.roles, foreign.passwords)
        assert admin.execute(asked, [name]).fetchone() == (False,)


def test_what_a_login_did_to_itself_ends_with_the_next_start(foreign):
    """As a process would that runs foreign SQL: the next ones would not start, or read other tables."""
    prepare(foreign)
    with foreign.login("web") as web:
        web.execute("ALTER ROLE CURRENT_USER SET search_path = shadow")
        web.execute("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on")
        web.execute("ALTER ROLE CURRENT_USER SET work_mem = '64kB'")
        web.execute("ALTER ROLE CURRENT_USER SET lock_timeout = 0")
        web.execute("ALTER ROLE CURRENT_USER PASSWORD 'x'")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        foreign.login("web")
    prepare(foreign)
    names = ("search_path", "default_transaction_read_only", "work_mem", "lock_timeout")
    with foreign.login("web") as web, foreign.login("worker") as worker:
        web_has, worker_has = (
            [login.execute("SELECT current_setting(%s)", [name]).fetchone()[0] for name in names]
            for login in (web, worker)
        )
    assert web_has == worker_has
    assert web_has[:2] + web_has[3:] == ["public", "off", "5s"]


def test_the_verifier_logs_in_nowhere_and_has_no_password(foreign, servers):
    prepare(foreign)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        foreign.login("verifier")
    with servers.superuser("postgres") as admin:
        asked = "SELECT rolcanlogin, rolpassword FROM pg_authid WHERE rolname = %s"
        name = foreign.roles.login("verifier")
        assert admin.execute(asked, [name]).fetchone() == (False, None)
        admin.execute(
            sql.SQL("ALTER ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(name))
        )  # as it was before
        prepare(foreign)
        assert admin.execute(asked, [name]).fetchone() == (False, None)


@pytest.mark.parametrize("surface", logins.SERVING)
def test_each_login_starts_with_its_own_search_path_and_time_outs(servers, surface):
    with servers.login(surface) as connection:
        for name, value in logins.DEFAULTS.items():
            (found,) = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            assert found == {"60s": "1min"}.get(value, value), name
