import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request

import psycopg
import pytest

from glassbed.foundation.config import Config
from glassbed.processes.child import Child, Program
from glassbed.processes.postgres import Postgres
from glassbed.processes.running import Identity, Record, Records, identify
from glassbed.processes.supervisor import Supervisor, check_port_is_free, child_environment, programs
from glassbed.protocol.errors import Invalid, Unavailable

integration = pytest.mark.integration


def until(condition, patience_s=20):
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def runs(pid):
    return identify(pid) is not None


@integration
def test_a_clean_stop_ends_every_process_and_exits_with_0(start, home):
    instance = start().wait_ready()
    pids = instance.children()
    assert list(pids) == ["postgres", "nats", "web", "worker"]
    assert all(runs(pid) for pid in pids.values())
    assert instance.end() == 0
    assert not [name for name, pid in pids.items() if runs(pid)]
    assert sorted(path.name for path in (home / "run").iterdir()) == ["lock"]


@integration
def test_ctrl_c_stops_it_too(start):
    assert start().wait_ready().end(signal.SIGINT) == 0


@integration
def test_children_know_the_bus(start):
    instance = start().wait_ready()
    with urllib.request.urlopen(f"http://127.0.0.1:{instance.port}/") as page:
        assert page.read().startswith(b"nats://glassbed:")


@integration
def test_a_second_instance_on_the_same_folder_is_told_who_runs(start):
    first = start().wait_ready()
    second = start(port=first.port + 1)
    assert second.end(0) == 1
    assert f"already runs in {first.home}, as process {first.process.pid}" in second.output
    assert first.process.poll() is None


@integration
def test_a_busy_port_is_named_before_anything_starts(start, home, free_port):
    with socket.create_server(("127.0.0.1", free_port)):
        instance = start()
        assert instance.end(0) == 1
    assert f"Port {free_port} on 127.0.0.1 is used by another program" in instance.output
    assert f"GLASSBED_LISTEN=127.0.0.1:{free_port + 1}" in instance.output
    assert not (home / "pg-18").exists()


@integration
@pytest.mark.parametrize("name", ["postgres", "nats", "web"])
def test_what_is_killed_is_started_again(start, name):
    instance = start().wait_ready()
    before = instance.children()
    os.kill(before[name], signal.SIGKILL)
    after = until(lambda: (now := instance.children()).get(name) not in (None, before[name]) and now)
    assert {**after, name: 0} == {**before, name: 0}
    instance.end()
    assert f"{name} ended (SIGKILL); it starts again in 1 s" in instance.output


@integration
def test_data_survives_a_kill_of_the_supervisor_and_the_next_start_adopts_the_database(start, home):
    first = start().wait_ready()
    server = Postgres(home)
    with psycopg.connect(server.superuser_dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    before = first.children()
    first.end(signal.SIGKILL)
    second = start().wait_ready()
    after = second.children()
    assert after["postgres"] == before["postgres"]
    assert not [name for name in ("nats", "web", "worker") if runs(before[name])]
    with psycopg.connect(server.superuser_dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)
    assert second.end() == 0
    assert not runs(before["postgres"])


@integration
def test_a_child_that_survived_the_killed_supervisor_is_ended(start, free_port):
    deaf = [
        sys.executable,
        "-c",
        "import ctypes, time; ctypes.CDLL(None).prctl(1, 0); print('deaf', flush=True); time.sleep(600)",
    ]
    first = start(
        [
            [
                "web",
                [
                    sys.executable,
                    "-m",
                    "http.server",
                    "--bind",
                    "127.0.0.1",
                    "-d",
                    "/var/empty",
                    str(free_port),
                ],
            ],
            ["deaf", deaf],
        ]
    )
    until(lambda: "deaf" in first.children())
    until(lambda: "deaf" in first.process.stdout.readline())
    survivor = first.children()["deaf"]
    first.end(signal.SIGKILL)
    assert runs(survivor)
    second = start().wait_ready()
    assert not runs(survivor)
    assert "ended deaf, which a killed Glassbed had left behind" in second.output


@integration
def test_a_child_that_never_gets_ready_stops_everything_with_its_last_lines(start):
    dying = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    instance = start([["worker", dying]])
    assert instance.process.wait(40) == 1
    instance.end()
    assert "worker ended 5 times within a minute without ever being ready" in instance.output
    assert instance.output.rstrip().endswith("the reason")


@integration
def test_a_failed_preparation_stops_everything_before_our_processes_start(start):
    instance = start(
        prepare=["prepare", [sys.executable, "-c", "print('no such column'); raise SystemExit(2)"]]
    )
    assert instance.process.wait(20) == 1
    instance.end()
    assert "prepare failed (exit code 2). Its last lines:\nno such column" in instance.output
    assert "web" not in instance.output


@integration
def test_a_child_that_ignores_the_stop_is_killed_with_its_own_children(start):
    stubborn = "trap '' TERM; sleep 601 & echo \"child $!\"; while true; do sleep 602; done"
    instance = start([["worker", ["/bin/sh", "-c", stubborn]]])
    grandchild = int(
        until(lambda: (line := instance.process.stdout.readline()) and "child" in line and line.split()[-1])
    )
    assert instance.end() == 0
    assert "worker did not end by itself and is killed" in instance.output
    until(lambda: not runs(grandchild))


@integration
def test_servers_of_ones_own_are_used_in_place_of_the_embedded_ones(start, home):
    database = Postgres(home / "elsewhere")
    database.start()
    urls = {"GLASSBED_DATABASE_URL": database.superuser_dsn, "GLASSBED_NATS_URL": "nats://bus.example:4222"}
    show = f"import os; print([os.environ[name] for name in {list(urls)}])"
    instance = start(prepare=["prepare", [sys.executable, "-c", show]], environment=urls).wait_ready()
    assert list(instance.children()) == ["web", "worker"]
    assert instance.end() == 0
    assert str(list(urls.values())) in instance.output
    assert database.poll() is None
    database.stop()
    assert not list(home.glob("pg-*"))


def test_the_first_link_is_shown_on_a_terminal(home, monkeypatch):
    (home / "run").mkdir()
    (home / "run" / "first-link").write_text("http://127.0.0.1/first/secret\n")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = []
    Supervisor(Config(home=home), [], show=lambda _, line: shown.append(line))._welcome()
    assert any("http://127.0.0.1/first/secret" in line for line in shown)


@integration
def test_the_first_link_stands_in_its_file_and_not_in_a_log(start, home):
    (home / "run").mkdir()
    (home / "run" / "first-link").write_text("http://127.0.0.1/first/secret\n")
    instance = start().wait_ready()
    instance.end()
    assert str(home / "run" / "first-link") in instance.output
    assert "secret" not in instance.output


def test_a_process_that_got_an_orphans_number_is_left_alone(home):
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        (home / "run").mkdir()
        row = {"name": "web", "pid": stranger.pid, "started": "another boot 1", "stop_signal": 15}
        (home / "run" / "children.json").write_text(json.dumps([row]))
        assert Records(home).end_orphans() == []
        assert stranger.poll() is None
        stranger.kill()


def test_workers_of_a_dead_child_are_ended_by_session_and_mark(home):
    script = "import subprocess; print(subprocess.Popen(['/bin/sleep', '60'], stdout=subprocess.DEVNULL).pid)"
    leader = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={"GLASSBED_HOME": str(home)},
        start_new_session=True,
        text=True,
    )
    worker = int(leader.communicate()[0])
    gone = Record("web", Identity(leader.pid, "before"), signal.SIGTERM)
    (home / "run").mkdir()
    assert Records(home / "other")._workers_of(gone.identity) == []
    assert Records(home)._workers_of(gone.identity) == [worker]
    assert Records(home)._end(gone) is False
    until(lambda: not runs(worker))


def test_a_zombie_is_not_running():
    child = subprocess.Popen(["/bin/true"])
    until(lambda: identify(child.pid) is None)
    assert child.wait() == 0


def test_a_damaged_record_of_children_is_no_obstacle(home):
    (home / "run").mkdir()
    (home / "run" / "children.json").write_text("[{")
    assert Records(home).end_orphans() == []


def test_the_record_is_private(home):
    (home / "run").mkdir()
    Records(home).note("web", os.getpid(), signal.SIGTERM)
    assert stat.S_IMODE((home / "run" / "children.json").stat().st_mode) == 0o600


def test_the_pause_between_restarts_grows_to_half_a_minute(monkeypatch):
    shown = []
    child = Child.of(Program("web", ["/bin/true"], is_ready=lambda: True), lambda _, line: shown.append(line))
    child.start()
    child._was_ready = True
    for _ in range(7):
        until(child.has_ended)
        child.look()
        child.start()
    until(child.has_ended)
    assert [line.rpartition(" in ")[2] for line in shown] == [
        "1 s",
        "2 s",
        "4 s",
        "8 s",
        "16 s",
        "30 s",
        "30 s",
    ]
    child.output.close()


@pytest.mark.parametrize("is_vital", [True, False])
def test_only_a_vital_program_that_never_gets_ready_stops_everything(is_vital):
    child = Child.of(Program("bridge", ["/bin/false"], is_vital=is_vital), lambda *_: None)
    for _ in range(4):
        child.start()
        until(child.has_ended)
        child.look()
    child.start()
    until(child.has_ended)
    with pytest.raises(Unavailable, match="5 times") if is_vital else contextlib.nullcontext():
        child.look()
    child.output.close()


def test_output_comes_in_whole_lines_under_the_programs_name():
    shown = []
    child = Child.of(Program("web", ["/bin/true"]), lambda name, line: shown.append((name, line)))
    os.write(child.output.writer, b"one\ntw")
    child.output.drain()
    os.write(child.output.writer, b"o\n\xff\n")
    child.output.drain()
    assert shown == [("web", "one"), ("web", "two"), ("web", "\ufffd")]
    child.output.close()


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(Invalid, match=r"can't listen on 192\.0\.2\.1:8400"):
        check_port_is_free("192.0.2.1:8400")


def test_children_get_the_settings_and_no_stray_variable(monkeypatch, home):
    monkeypatch.setenv("GLASSBED_LISTEN", "127.0.0.1:1")
    environment = child_environment(Config.load({"GLASSBED_HOME": str(home), "GLASSBED_SIGNUP": "open"}))
    assert environment["GLASSBED_LISTEN"] == "127.0.0.1:8400"
    assert environment["GLASSBED_SIGNUP"] == "open"
    assert environment["PATH"] == os.environ["PATH"]


def test_the_local_bridge_gets_its_way_in_and_no_password_of_the_server(home, monkeypatch):
    config = Config.load(
        {"GLASSBED_HOME": str(home), "GLASSBED_DATABASE_URL": "postgresql://owner:secret@db/g"}
    )
    environment = programs(config)[-1].environment
    assert environment["GLASSBED_LOCAL_SERVER"] == "http://127.0.0.1:8400"
    assert environment["GLASSBED_LOCAL_TOKEN"] == config.secret("local-bridge").hex()
    assert environment["GLASSBED_BRIDGE_HOME"] == str(home / "bridge")
    assert not any("secret" in value for name, value in environment.items() if name.startswith("GLASSBED_"))
    assert Config.load(environment).home == home


def test_the_bridge_runs_beside_the_server_unless_it_is_switched_off(home):
    names = [program.name for program in programs(Config(home=home))]
    assert names == ["web", "recorder", "worker", "bridge"]
    assert [program.name for program in programs(Config(home=home, local_bridge=False))] == names[:-1]
