"""The data folder: who may enter it, and the account that PostgreSQL runs as inside of it."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassbed.protocol.errors import Invalid

UNPRIVILEGED_ACCOUNT = "nobody"
OTHERS_MAY_ENTER = 0o001


@dataclass(frozen=True, slots=True)
class Account:
    """The account of the database: our own, or an unprivileged one when we are root (PostgreSQL refuses root)."""

    uid: int
    gid: int
    is_other: bool

    @classmethod
    def of_database(cls) -> "Account":
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), is_other=False)
        try:
            entry = pwd.getpwnam(UNPRIVILEGED_ACCOUNT)
        except KeyError:
            raise Invalid(
                f"PostgreSQL refuses to run as root, and this system has no account {UNPRIVILEGED_ACCOUNT}."
                " Start Glassbed as a plain user."
            ) from None
        return cls(entry.pw_uid, entry.pw_gid, is_other=True)

    def popen_arguments(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def own(self, path: Path) -> None:
        if self.is_other:
            os.chown(path, self.uid, self.gid)

    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        self.own(path)


def prepare_home(home: Path) -> None:
    """Make the data folder and close it. For root it stays passable (not readable): the database lives inside."""
    account = Account.of_database()
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711 if account.is_other else 0o700)
    for name in ("run", "secrets"):
        folder = home / name
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    if account.is_other:
        _check_passable(home)


def _check_passable(home: Path) -> None:
    for folder in home.resolve().parents:
        if not folder.stat().st_mode & OTHERS_MAY_ENTER:
            raise Invalid(
                f"As root, the database runs as the account {UNPRIVILEGED_ACCOUNT}, and that may not pass {folder}."
                " Set GLASSBED_HOME to a folder that others can reach, for example /var/lib/glassbed,"
                " or start Glassbed as a plain user."
            )
