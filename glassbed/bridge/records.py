"""Sealed records that survive a restart: hosts' keys, the list of printers, what each printer was doing."""

import base64
from typing import Any

import msgspec

from glassbed.bridge.home import Home
from glassbed.bridge.identity import Seal
from glassbed.protocol.messages import Happening, Printer


class Job(msgspec.Struct, kw_only=True):
    """The print under way on one printer, as this bridge has followed it."""

    print_id: str
    file_name: str
    phase: str  # sending, accepted, seen
    at_printer: bool = False
    host_file: str | None = None  # what the host calls the file
    started_at: float | None = None
    progress_ratio: float | None = None
    elapsed_s: int | None = None
    filament_mm: float | None = None
    cancelled: bool = False


class Course(msgspec.Struct, kw_only=True):
    """What has to be known of a printer after a restart."""

    job: Job | None = None
    owed: tuple[Happening, ...] = ()
    connection_id: str | None = None
    minute: int | None = None  # the unfinished minute of the trace
    minute_samples: bytes = b""


class Courses:
    """One sealed file a printer."""

    def __init__(self, home: Home, seal: Seal) -> None:
        self._home = home
        self._seal = seal
        home.folder("courses")

    def load(self, printer: str) -> Course:
        return _open(self._home, self._seal, f"courses/{printer}", Course) or Course()

    def pack(self, printer: str, course: Course) -> bytes:
        return self._seal.close(msgspec.json.encode(course), f"courses/{printer}")

    def write(self, printer: str, packed: bytes) -> None:
        """Put a packed course on the disk; may run in a thread."""
        self._home.write(f"courses/{printer}", packed)

    def forget(self, printer: str) -> None:
        self._home.remove(f"courses/{printer}")

    def forget_except(self, printers: set[str]) -> None:
        for path in self._home.folder("courses").iterdir():
            if path.name.removesuffix(".new") not in printers:  # one may be just on its way to the disk
                path.unlink(missing_ok=True)


class PrinterList:
    """The printers that the server named last, for a start without the server."""

    def __init__(self, home: Home, seal: Seal) -> None:
        self._home = home
        self._seal = seal

    def load(self) -> tuple[Printer, ...]:
        return _open(self._home, self._seal, "printers", tuple[Printer, ...]) or ()

    def save(self, printers: tuple[Printer, ...]) -> None:
        self._home.write("printers", self._seal.close(msgspec.json.encode(printers), "printers"))

    def forget(self) -> None:
        self._home.remove("printers")


class HostKeys:
    """Keys of printer hosts, sealed for one driver and address: sent nowhere else, whoever asks."""

    def __init__(self, home: Home, seal: Seal) -> None:
        self._home = home
        self._seal = seal
        content = home.read("hosts.json")
        self._sealed: dict[str, str] = (
            {} if content is None else msgspec.json.decode(content, type=dict[str, str])
        )

    def get(self, printer: Printer) -> str | None:
        sealed = self._sealed.get(printer.id)
        content = None if sealed is None else self._seal.open(base64.b64decode(sealed), _label(printer))
        return None if content is None else content.decode()

    def keep(self, printer: Printer, key: str) -> None:
        sealed = self._seal.close(key.encode(), _label(printer))
        self._sealed[printer.id] = base64.b64encode(sealed).decode()
        self._save()

    def forget(self, printer_id: str) -> None:
        if self._sealed.pop(printer_id, None) is not None:
            self._save()

    def forget_except(self, printer_ids: set[str]) -> None:
        """Forget the keys of printers that are not this bridge's any more."""
        gone = self._sealed.keys() - printer_ids
        for printer_id in gone:
            del self._sealed[printer_id]
        if gone:
            self._save()

    def _save(self) -> None:
        self._home.write("hosts.json", msgspec.json.encode(self._sealed))


def _label(printer: Printer) -> str:
    return f"{printer.id} {printer.driver} {printer.address}"


def _open(home: Home, seal: Seal, name: str, kind: Any) -> Any:
    """Read a sealed record; nothing if it is missing, damaged or of another version."""
    sealed = home.read(name)
    content = None if sealed is None else seal.open(sealed, name)
    try:
        return None if content is None else msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError:
        return None
