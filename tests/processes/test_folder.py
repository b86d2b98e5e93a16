"""Whose the data folder is, and who may enter it."""

import os
import pwd
import stat

import pytest

from glassbed.processes import folder
from glassbed.processes.folder import Account, prepare_home
from glassbed.protocol.errors import Invalid


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def as_plain_user(monkeypatch):
    """What the system says of us when we are no root."""
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    monkeypatch.setattr(os, "getegid", lambda: 5678)


@pytest.fixture
def as_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_a_plain_users_database_runs_as_the_user(as_plain_user, tmp_path):
    account = Account.of_database()
    assert account == Account(1234, 5678, is_other=False)
    assert account.popen_arguments() == {}
    before = tmp_path.stat()
    account.own(tmp_path)
    assert tmp_path.stat().st_uid == before.st_uid


def test_a_plain_users_folder_is_closed_to_all_others(as_plain_user, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "house"
    prepare_home(home)
    assert [mode(path) for path in (home, home / "run", home / "secrets")] == [0o700] * 3
    home.chmod(0o755)
    prepare_home(home)  # what was opened since is closed again
    assert mode(home) == 0o700


def test_roots_database_runs_as_an_account_without_rights(as_root):
    nobody = pwd.getpwnam("nobody")
    account = Account.of_database()
    assert account == Account(nobody.pw_uid, nobody.pw_gid, is_other=True)
    assert account.popen_arguments() == {
        "user": nobody.pw_uid,
        "group": nobody.pw_gid,
        "extra_groups": [],
    }


def test_root_is_told_to_be_a_plain_user_where_no_such_account_exists(as_root, monkeypatch):
    monkeypatch.setattr(folder, "UNPRIVILEGED_ACCOUNT", "no-such-account")
    with pytest.raises(Invalid, match=r"no account no-such-account.*Start Glassbed as a plain user"):
        Account.of_database()


def test_roots_folder_may_be_passed_and_not_read(as_root, home):
    house = home / "house"
    prepare_home(house)
    assert [mode(path) for path in (house, house / "run", house / "secrets")] == [0o711, 0o700, 0o700]


def test_root_is_told_which_folder_shuts_the_database_out(as_root, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Invalid, match=f"may not pass {closed}.*Set GLASSBED_HOME to a folder"):
        prepare_home(closed / "house")
