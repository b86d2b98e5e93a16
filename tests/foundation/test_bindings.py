import pytest
from django.core.checks import run_checks

from glassbed.features.jobs import privacy as jobs
from glassbed.features.printers import privacy as printers
from glassbed.foundation import apply, logins
from glassbed.foundation.bindings import bindings, model_tables
from glassbed.policy.compile import Unbound

pytestmark = pytest.mark.integration


def test_every_table_of_the_code_is_bound():
    assert run_checks(tags=["glassbed"]) == []


def test_every_table_of_the_database_is_bound(servers):
    with servers.superuser() as admin:
        assert apply.tables(admin) == set(bindings()) == model_tables() | {"django_migrations"}


def test_a_binding_that_is_missing_stops_the_start(servers, monkeypatch):
    monkeypatch.delitem(printers.BINDINGS, "printers_share")
    (fault,) = run_checks(tags=["glassbed"])
    assert fault.id == "glassbed.E001"
    assert "table printers_share is not bound" in fault.msg


def test_a_table_bound_twice_is_refused(servers, monkeypatch):
    monkeypatch.setitem(jobs.BINDINGS, "printers_share", printers.BINDINGS["printers_share"])
    with pytest.raises(ValueError, match="printers_share is bound twice"):
        bindings()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE leftover (id int)",
        "CREATE VIEW leftover AS SELECT 1",
        "CREATE MATERIALIZED VIEW leftover AS SELECT 1 AS one",
    ],
)
def test_what_is_in_the_database_and_not_bound_stops_prepare(servers, statement):
    settings = servers.settings
    with servers.clone() as name, servers.superuser(name) as deploy:
        deploy.execute(statement)
        before = deploy.execute("SELECT at FROM sec.applied").fetchone()
        with pytest.raises(Unbound, match="table leftover is not bound"):
            apply.apply(
                deploy,
                settings.GLASSBED_PACK,
                bindings(),
                settings.GLASSBED_ROLES,
                settings.GLASSBED_CONTEXT_SECRET,
            )
        assert deploy.execute("SELECT at FROM sec.applied").fetchone() == before


def test_prepare_says_what_is_unbound_and_ends_with_1(servers, monkeypatch, capsys):
    from glassbed.processes import prepare

    monkeypatch.setattr(prepare, "setup_django", lambda surface: None)
    monkeypatch.delitem(printers.BINDINGS, "printers_share")
    assert prepare.main([]) == 1
    assert "table printers_share is not bound" in capsys.readouterr().out


def test_prepare_can_be_repeated_and_changes_nothing(servers, monkeypatch):
    from glassbed.processes import prepare

    monkeypatch.setattr(prepare, "setup_django", lambda surface: None)

    def applied():
        with servers.superuser() as admin:
            return admin.execute(
                "SELECT (SELECT pack FROM sec.applied), array_agg(c ORDER BY c) FROM sec.catalogue c"
            ).fetchone()

    before = applied()
    assert prepare.main([]) == 0
    assert applied() == before
    assert prepare.main(["what"]) == 2


def test_prepare_takes_back_what_a_login_was_given_by_hand(servers):
    settings = servers.settings
    roles, instance = settings.GLASSBED_ROLES, settings.INSTANCE
    web = roles.login("web")
    with servers.superuser("postgres") as admin:
        admin.execute(f"ALTER ROLE {web} BYPASSRLS CREATEROLE")
        apply.create_roles(admin, settings.GLASSBED_PACK, roles, {"web": instance.password("web")})
        asked = "SELECT rolbypassrls, rolcreaterole, rolcanlogin FROM pg_roles WHERE rolname = %s"
        assert admin.execute(asked, [web]).fetchone() == (False, False, True)


def test_a_database_that_would_log_values_is_refused_with_the_statements_to_run(servers):
    web = servers.settings.GLASSBED_ROLES.login("web")
    with servers.superuser() as admin:
        logins.require_quiet(admin, web)
        admin.execute("SET log_statement = 'all'")
        with pytest.raises(logins.TalkativeDatabase, match=f"ALTER ROLE {web} SET log_statement = 'none'"):
            logins.require_quiet(admin, web)
