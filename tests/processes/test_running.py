"""Who a process is, on systems with and without /proc, and the end of what a killed supervisor left."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from glassbed.processes import running
from glassbed.processes.running import Adopted, Identity, Records, command_line, identify, wait_until

needs_ps = pytest.mark.skipif(not Path("/bin/ps").exists(), reason="no ps here (apt install procps)")
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path


@pytest.fixture
def deaf():
    """A process that does not hear SIGTERM."""
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"deaf\n"
        yield child
        child.kill()


@pytest.fixture(params=[pytest.param(False, marks=needs_ps, id="ps"), "proc"])
def system(request, monkeypatch):
    """Linux, and systems that have no /proc."""
    if request.param and not running.HAS_PROC:
        pytest.skip("no /proc here")
    monkeypatch.setattr(running, "HAS_PROC", bool(request.param))


def test_a_process_is_known_while_it_runs_and_not_as_a_zombie(system):
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        found = identify(child.pid)
        assert found == identify(child.pid)
        assert found.pid == child.pid
        assert command_line(child.pid).split() == ["/bin/cat"]
        child.stdin.close()
        assert wait_until(lambda: identify(child.pid) is None, 10)  # ended, and not collected yet
    assert identify(child.pid) is None
    assert command_line(child.pid) == ""


def test_a_signal_to_a_process_whose_number_was_given_again_reaches_nobody(deaf):
    with subprocess.Popen(["/bin/true"]) as child:
        pass
    for pid in (child.pid, deaf.pid):
        former = Adopted(Identity(pid, "another boot 1"))
        former.send_signal(signal.SIGKILL)
        assert former.poll() == -1
    assert not wait_until(lambda: deaf.poll() is not None, 0.2)


def test_an_orphan_that_ignores_the_stop_is_killed(home, deaf, monkeypatch):
    monkeypatch.setattr(running, "ORPHAN_PATIENCE_S", 0.2)
    Records(home).note("worker", deaf.pid, signal.SIGTERM)
    assert Records(home).end_orphans() == ["worker"]
    assert deaf.wait(10) == -signal.SIGKILL
    assert not (home / "run" / "children.json").exists()


def test_an_orphan_that_is_to_be_kept_is_left_alone(home, deaf):
    Records(home).note("postgres", deaf.pid, signal.SIGTERM)
    assert Records(home).end_orphans(frozenset({"postgres"})) == []
    assert deaf.poll() is None


def test_what_has_ended_before_it_was_noted_is_not_noted(home):
    with subprocess.Popen(["/bin/true"]) as child:
        pass
    Records(home).note("worker", child.pid, signal.SIGTERM)
    Records(home).forget("worker")
    assert not (home / "run" / "children.json").exists()


def test_a_wait_for_what_never_comes_ends():
    assert not wait_until(lambda: False, 0.02)
