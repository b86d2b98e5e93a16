"""What Moonraker sends, as typed values. Pure: any bytes in, a value or a `ProtocolViolation` out.

Field names are Moonraker's and Klipper's (Moonraker's documentation, "External API" and "Printer
Objects"; seen with Moonraker 0.11.0 and Kalico 2026.10).
"""

import json
from typing import Any, TypeVar

import msgspec

from glassbed.protocol.errors import ProtocolViolation

MESSAGE_LIMIT = 1000
"""Characters of the host's words that we pass on; Klipper's longest explain a whole reflash."""
_CHAMBER_KINDS = ("heater_generic", "temperature_sensor", "temperature_fan")

# -- JSON-RPC -----------------------------------------------------------------------------------------


class RpcError(msgspec.Struct, frozen=True):
    message: str = ""
    code: int = 0


class Frame(msgspec.Struct, frozen=True):
    """One frame: a notification (`method`, `params`) or an answer (`id` with `result` or `error`)."""

    id: int | None = None
    method: str | None = None
    params: Any = None
    result: Any = None
    error: RpcError | None = None


def decode(frame: bytes | str) -> Frame:
    return parse(frame, Frame)


def request(number: int, method: str, parameters: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": parameters, "id": number})


Wanted = TypeVar("Wanted")


def parse(content: bytes | str, kind: type[Wanted]) -> Wanted:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ProtocolViolation(f"not what Moonraker sends: {error}") from error


def convert(value: Any, kind: type[Wanted]) -> Wanted:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.MsgspecError, OverflowError) as error:
        raise ProtocolViolation(f"not what Moonraker sends: {error}") from error


def result(body: bytes, kind: type[Wanted]) -> Wanted:
    """Read what stands under `result` in an HTTP answer."""
    return convert(parse(body, _HttpResult).result, kind)


class _HttpResult(msgspec.Struct):
    result: Any


def error_words(body: bytes) -> str | None:
    """Return the text of an HTTP error's body, if it is one of Moonraker's."""
    try:
        return one_line(parse(body, _HttpError).error.message)
    except ProtocolViolation:
        return None


class _HttpError(msgspec.Struct):
    error: RpcError


def one_line(words: str) -> str | None:
    """Make one line of Klipper's hard-wrapped messages."""
    return " ".join(words.split())[:MESSAGE_LIMIT] or None


# -- what the printer reports -------------------------------------------------------------------------


class Webhooks(msgspec.Struct, frozen=True):
    """State of Klipper itself: ready, startup, error or shutdown."""

    state: str | None = None
    state_message: str = ""


class _Layers(msgspec.Struct, frozen=True):
    current_layer: int | None = None
    total_layer: int | None = None


class PrintStats(msgspec.Struct, frozen=True):
    state: str = "standby"
    filename: str = ""
    message: str = ""
    total_duration: float = 0.0  # seconds, with pauses
    print_duration: float = 0.0  # seconds since the first extrusion, without pauses
    filament_used: float = 0.0  # mm
    info: _Layers = _Layers()


class _Progress(msgspec.Struct, frozen=True):
    progress: float = 0.0


class _Move(msgspec.Struct, frozen=True):
    speed_factor: float | None = None
    gcode_position: tuple[float, ...] = ()


class Heat(msgspec.Struct, frozen=True):
    temperature: float | None = None
    target: float | None = None


class _Fan(msgspec.Struct, frozen=True):
    speed: float | None = None


class _Toolhead(msgspec.Struct, frozen=True):
    extruder: str = "extruder"


class Status(msgspec.Struct, frozen=True):
    """Every printer object that we subscribe to, merged from all updates."""

    webhooks: Webhooks = Webhooks()
    print_stats: PrintStats = PrintStats()
    virtual_sdcard: _Progress = _Progress()
    gcode_move: _Move = _Move()
    toolhead: _Toolhead = _Toolhead()
    heater_bed: Heat = Heat()
    fan: _Fan = _Fan()
    nozzle: Heat = Heat()  # the active extruder's
    chamber: Heat = Heat()


_FIELDS: dict[str, list[str]] = {
    "webhooks": ["state", "state_message"],
    "print_stats": list(PrintStats.__struct_fields__),
    "virtual_sdcard": ["progress"],  # display_status jumps between the slicer's M73 and this one
    "gcode_move": ["speed_factor", "gcode_position"],
    "toolhead": ["extruder"],
    "heater_bed": ["temperature", "target"],
    "fan": ["speed"],
}


def subscription(objects: list[str]) -> dict[str, list[str]]:
    """Choose from the printer's objects what we read. Nothing else is asked for."""
    chosen = {name: fields for name, fields in _FIELDS.items() if name in objects}
    heaters = [name for name in objects if _is_extruder(name)]
    chamber = _chamber(objects)
    return chosen | {name: ["temperature", "target"] for name in [*heaters, *([chamber] if chamber else [])]}


class ServerInfo(msgspec.Struct, frozen=True):
    klippy_state: str
    moonraker_version: str = ""


class ObjectList(msgspec.Struct, frozen=True):
    objects: list[str]


class Subscribed(msgspec.Struct, frozen=True):
    status: dict[str, dict[str, Any]]


class _File(msgspec.Struct, frozen=True):
    path: str  # below the folder of G-code files


class Uploaded(msgspec.Struct, frozen=True):
    item: _File
    print_started: bool = False
    print_queued: bool = False


class _QueuedJob(msgspec.Struct, frozen=True):
    job_id: str
    filename: str


class Queue(msgspec.Struct, frozen=True):
    queued_jobs: list[_QueuedJob]


class Metadata(msgspec.Struct, frozen=True):
    """Of a G-code file, as the slicer wrote it."""

    estimated_time: float | None = None  # seconds


def update(params: Any) -> dict[str, dict[str, Any]]:
    """Return the changes of a `notify_status_update`; its parameters are these and Klipper's clock."""
    if not isinstance(params, list) or not params:
        raise ProtocolViolation("a status update without a status")
    return convert(params[0], dict[str, dict[str, Any]])


def status(objects: dict[str, dict[str, Any]]) -> Status:
    """Read the merged printer objects."""
    known = convert({name: objects[name] for name in _FIELDS if name in objects}, Status)
    nozzle = convert(objects.get(known.toolhead.extruder, {}), Heat)
    chamber = convert(objects.get(_chamber(list(objects)) or "", {}), Heat)
    return msgspec.structs.replace(known, nozzle=nozzle, chamber=chamber)


def _is_extruder(name: str) -> bool:
    return name == "extruder" or (name.startswith("extruder") and name[len("extruder") :].isdecimal())


def _chamber(objects: list[str]) -> str | None:
    """Return the object that measures the chamber; a heater before a mere sensor."""
    for kind in _CHAMBER_KINDS:
        for name in sorted(objects):
            if name.startswith(f"{kind} ") and "chamber" in name.lower():
                return name
    return None
