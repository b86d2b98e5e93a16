"""The bridge's folder: the pairing, its key, sealed records. Only this user can read it."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from glassbed.protocol.errors import Conflict, Invalid

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class Pairing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom this bridge belongs to."""

    server: str
    bridge_id: str
    ca_pem: str | None = None  # the only authority trusted for this server, if one was pinned


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the running bridge says of itself to `glassbed bridge status`."""

    state: str
    since: float
    detail: str | None = None
    printers: int = 0


class Home:
    """The folder, made when first used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        path.chmod(_FOLDER_MODE)

    @classmethod
    def of_environment(cls) -> "Home":
        default = Path.home() / ".local" / "share" / "glassbed-bridge"
        return cls(Path(os.environ.get("GLASSBED_BRIDGE_HOME") or default))

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        write_whole(self.path / name, content)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def folder(self, name: str) -> Path:
        path = self.path / name
        path.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        return path

    def pairing(self) -> Pairing | None:
        content = self.read("bridge.json")
        if content is None:
            return None
        try:
            return msgspec.json.decode(content, type=Pairing)
        except msgspec.DecodeError as error:
            raise Invalid("bridge.json is damaged. Run `glassbed bridge forget`, then pair again.") from error

    def keep_pairing(self, pairing: Pairing) -> None:
        self.write("bridge.json", msgspec.json.encode(pairing))

    def status(self) -> Status | None:
        content = self.read("status.json")
        try:
            return None if content is None else msgspec.json.decode(content, type=Status)
        except msgspec.DecodeError:  # cut short by a full disk; the next change writes it anew
            return None

    def keep_status(self, status: Status) -> None:
        """Write without waiting for the disk: after a power cut nobody needs it."""
        fresh = self.path / "status.json.new"
        fresh.write_bytes(msgspec.json.encode(status))
        fresh.replace(self.path / "status.json")

    def forget(self) -> None:
        """Remove everything, the key included."""
        shutil.rmtree(self.path)

    def is_in_use(self) -> bool:
        try:
            with self.held():
                return False
        except Conflict:
            return True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a second bridge out of this folder."""
        with (self.path / "lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(
                    f"A bridge is already running with the folder {self.path}. Stop it first."
                ) from error
            yield


def write_whole(path: Path, content: bytes) -> None:
    """Write so that after a power cut there is the old content or the new, never a part."""
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
