"""A supervised process ends with its supervisor, however that one ends."""

import signal
import subprocess
import sys
import time

import pytest

from glassbed.processes.parent import die_with_parent
from glassbed.processes.running import identify

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tie exists on Linux alone")

SUPERVISOR = """
import subprocess, sys
from glassbed.processes.parent import die_with_parent
child = subprocess.Popen(["/bin/sleep", "600"], preexec_fn=die_with_parent(), stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read()
"""
LATE = """
import signal
from glassbed.processes.parent import die_with_parent
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits an ignored one
die_with_parent({sig})()  # whose parent is none of it: as if the supervisor had died before the tie held
print("it lives")
"""


def test_a_killed_supervisor_takes_its_child_with_it():
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as supervisor:
        child = identify(int(supervisor.stdout.readline()))
        assert child is not None
        supervisor.kill()
    deadline = time.monotonic() + 10
    while identify(child.pid) == child:
        assert time.monotonic() < deadline, "the child lives on"
        time.sleep(0.01)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_child_whose_supervisor_died_before_the_tie_held_ends_at_once(sig):
    late = subprocess.run(
        [sys.executable, "-c", LATE.format(sig=int(sig))], capture_output=True, text=True, check=False
    )
    assert late.returncode == -sig
    assert late.stdout == ""


def test_other_systems_have_no_such_tie(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert die_with_parent() is None
