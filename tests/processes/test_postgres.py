import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from glassbed.processes.folder import Account, prepare_home
from glassbed.processes.postgres import Postgres
from glassbed.processes.running import Adopted
from glassbed.protocol.errors import Conflict, Invalid, Unavailable

pytestmark = pytest.mark.integration


@pytest.fixture
def postgres(home):
    server = Postgres(home)
    server.start()
    yield server
    server.stop()


def ask(server, query, **others):
    with psycopg.connect(server.superuser_dsn, autocommit=True, **others) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else None


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_data_is_there_after_a_restart(postgres):
    ask(postgres, "CREATE TABLE kept AS SELECT 42 AS n")
    postgres.stop()
    postgres.start()
    assert ask(postgres, "SELECT n FROM kept") == [(42,)]


def test_every_role_needs_its_password(postgres):
    ask(postgres, "CREATE ROLE reader LOGIN PASSWORD 'a/b c@d'")
    assert psycopg.connect(postgres.url("reader", "postgres", "a/b c@d")).close() is None
    for url in (
        postgres.url("reader", "postgres", "wrong"),
        postgres.url("glassbed_superuser", "postgres", "wrong"),
    ):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url)


def test_it_listens_on_no_network_address(postgres):
    assert ask(postgres, "SHOW listen_addresses") == [("",)]


def test_order_and_case_are_those_of_unicode_on_every_machine(postgres):
    assert ask(
        postgres, "SELECT upper('é'), 'É' ILIKE 'é', datlocprovider::text FROM pg_database LIMIT 1"
    ) == [("É", True, "b")]


def test_the_log_holds_no_value_of_a_failed_statement(postgres):
    ask(postgres, "CREATE TABLE account (address text PRIMARY KEY)")
    insert = "INSERT INTO account VALUES ('canary@example.org')"
    ask(postgres, insert)
    with pytest.raises(psycopg.errors.UniqueViolation):
        ask(postgres, insert)
    written = postgres.log.read_text()
    assert "duplicate key" in written
    assert "canary" not in written


def test_it_starts_after_its_process_was_killed(postgres):
    ask(postgres, "CREATE TABLE kept AS SELECT 7 AS n")
    os.kill(postgres.process.pid, signal.SIGKILL)
    postgres.process.wait()
    postgres.start()
    assert ask(postgres, "SELECT n FROM kept") == [(7,)]


def test_it_starts_while_its_killed_predecessor_is_a_zombie(postgres, home):
    os.kill(postgres.process.pid, signal.SIGKILL)
    successor = Postgres(home)
    successor.start()
    assert ask(successor, "SELECT 1") == [(1,)]
    assert postgres.process.returncode is None, "the predecessor was collected too early to prove anything"
    successor.stop()


def test_a_lock_file_whose_process_id_belongs_to_a_stranger_is_no_obstacle(postgres):
    os.kill(postgres.process.pid, signal.SIGKILL)
    postgres.process.wait()
    with subprocess.Popen(["/bin/sleep", "60"], **Account.of_database().popen_arguments()) as stranger:
        lock = postgres.data / "postmaster.pid"
        lock.write_text(f"{stranger.pid}\n{lock.read_text().partition(chr(10))[2]}")
        postgres.start()
        assert stranger.poll() is None
        stranger.kill()
    assert ask(postgres, "SELECT 1") == [(1,)]


def test_a_running_server_is_adopted_and_stopped_by_the_successor(postgres, home):
    successor = Postgres(home)
    successor.start()
    assert isinstance(successor.process, Adopted)
    assert successor.process.pid == postgres.process.pid
    assert ask(successor, "SELECT 1") == [(1,)]
    successor.stop()
    assert postgres.process.wait(5) == 0


def test_a_running_server_with_other_settings_is_replaced(postgres, home):
    successor = Postgres(home, {"work_mem": "5MB"})
    successor.start()
    assert successor.process.pid != postgres.process.pid
    assert ask(successor, "SHOW work_mem") == [("5MB",)]
    successor.stop()


def test_a_long_path_gets_a_short_private_socket_folder_that_goes_again(home):
    server = Postgres(home / ("long" * 30))
    server.start()
    folder = server.socket_folder
    assert not folder.is_relative_to(home)
    assert mode(folder) == 0o700
    assert Postgres(home / ("long" * 30)).superuser_dsn == server.superuser_dsn
    assert ask(server, "SELECT 1") == [(1,)]
    server.stop()
    assert not folder.exists()


def test_files_are_closed_to_others(postgres, home):
    assert mode(home) == (0o711 if os.geteuid() == 0 else 0o700)
    assert [mode(home / name) for name in ("run", "secrets")] == [0o700, 0o700]
    assert [mode(path) for path in (postgres.data, postgres.socket_folder)] == [0o700, 0o700]
    assert [mode(path) for path in (postgres.log, home / "secrets" / "postgres-superuser")] == [0o600, 0o600]
    assert postgres.data.stat().st_uid == Account.of_database().uid
    assert not list(postgres.folder.glob("password*"))


def test_its_address_is_published_privately_while_it_runs(postgres, home):
    published = home / "run" / "database-url"
    assert published.read_text() == postgres.url(
        "glassbed_superuser", "glassbed", postgres.superuser_password
    )
    assert mode(published) == 0o600
    postgres.stop()
    assert not published.exists()


def test_three_instances_start_at_the_same_time(home):
    servers = [Postgres(home / str(number)) for number in range(3)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(Postgres.start, servers))
    assert [ask(server, "SHOW data_directory") for server in servers] == [[(str(s.data),)] for s in servers]
    for server in servers:
        server.stop()


def test_data_of_another_major_version_is_refused_and_untouched(home):
    data = home / "pg-17" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(Conflict, match=r"written by PostgreSQL 17.*pg_dump and pg_restore"):
        Postgres(home).start()
    assert sorted(path.name for path in home.iterdir()) == ["pg-17"]


def test_a_server_that_can_not_start_says_its_last_words(home):
    with pytest.raises(Unavailable, match="no_such_setting"):
        Postgres(home, {"no_such_setting": "1"}).start()


def test_a_half_made_data_folder_is_made_anew(home):
    prepare_home(home)
    server = Postgres(home)
    server.folder.mkdir()
    (server.folder / "data.new").mkdir()
    (server.folder / "data.new" / "PG_VERSION").write_text("18\n")
    server.start()
    server.stop()
    assert not (server.folder / "data.new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's database runs as another account")
def test_root_is_told_when_the_database_can_not_reach_the_folder():
    closed = Path(tempfile.mkdtemp())
    with pytest.raises(Invalid, match=f"may not pass {closed}"):
        Postgres(closed / "home").start()
    shutil.rmtree(closed)


@pytest.mark.skipif(os.geteuid() == 0, reason="a plain user's database is the user's own process")
def test_a_plain_user_runs_the_database_as_itself(postgres):
    assert Path(f"/proc/{postgres.process.pid}").stat().st_uid == os.geteuid()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root and /proc")
def test_root_runs_the_database_as_nobody(postgres):
    assert Path(f"/proc/{postgres.process.pid}").stat().st_uid == Account.of_database().uid != 0
