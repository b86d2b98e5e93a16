"""What OctoPrint says, as readings and facts. Pure: bytes in, values or `ProtocolViolation` out.

Sources: OctoPrint's docs/api (push.rst, datamodel.rst, job.rst), measured against 1.11.8.
"""

from enum import Enum
from typing import Any, TypeVar

import msgspec

from glassbed.drivers.interface import Capability
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import HostFacts
from glassbed.protocol.reading import BUSY, Reading, State

_Shape = TypeVar("_Shape")
_WORDS_LIMIT = 500
_NAME_LIMIT = 255
_SECONDS_LIMIT = 10**9
_EMERGENCY_STOP = "M112"
_DEFAULT_MODEL = "Generic RepRap Printer"  # what every profile says until somebody changes it

_STATE_OF_FLAG = {
    "cancelling": State.CANCELLING,
    "pausing": State.PAUSING,
    "paused": State.PAUSED,
    "resuming": State.RESUMING,
    "printing": State.PRINTING,  # also while it starts and finishes
    "ready": State.READY,
}
"""In order of precedence: while it pauses, OctoPrint also says `printing`."""

_PERMISSIONS_FOR = {
    Capability.PRINT: {"PRINT", "FILES_UPLOAD", "FILES_SELECT"},
    Capability.PAUSE: {"PRINT"},
    Capability.CANCEL: {"PRINT"},
    Capability.EMERGENCY_STOP: {"CONTROL"},
    Capability.RESTART: {"CONNECTION"},
}


class _Flags(msgspec.Struct, frozen=True):
    cancelling: bool = False
    pausing: bool = False
    paused: bool = False
    resuming: bool = False
    printing: bool = False
    ready: bool = False


class PrinterState(msgspec.Struct, frozen=True):
    """OctoPrint's `state` object, the same in its pushes and in GET /api/printer."""

    text: str = ""
    flags: _Flags = _Flags()
    error: str | None = None

    def meaning(self) -> tuple[State, str | None]:
        """Return our word for it and, where the printer does not work, OctoPrint's own words."""
        for flag, state in _STATE_OF_FLAG.items():
            if getattr(self.flags, flag):
                return state, None
        if "error" not in self.text.lower():
            return State.STARTING, self.text[:_WORDS_LIMIT]
        words = self.error or self.text
        return (State.STOPPED if _EMERGENCY_STOP in words else State.ERROR), words[:_WORDS_LIMIT]


class _File(msgspec.Struct, frozen=True):
    name: str | None = None
    display: str | None = None  # as it was uploaded; `name` is what the disk made of it


class _Job(msgspec.Struct, frozen=True):
    file: _File | None = None


class _Progress(msgspec.Struct, frozen=True, rename="camel"):
    completion: float | None = None  # percent
    print_time: float | None = None  # seconds, pauses left out
    print_time_left: float | None = None


class _Heater(msgspec.Struct, frozen=True):
    actual: float | None = None
    target: float | None = None


class _Heaters(msgspec.Struct, frozen=True):
    tool0: _Heater = _Heater()
    bed: _Heater = _Heater()
    chamber: _Heater = _Heater()


class _Current(msgspec.Struct, frozen=True, rename="camel"):
    state: PrinterState
    job: _Job | None = None
    progress: _Progress | None = None
    current_z: float | None = None
    temps: tuple[_Heaters, ...] = ()  # only those since the last push


class _Payload(msgspec.Struct, frozen=True):
    name: str | None = None
    time: float | None = None


class _Event(msgspec.Struct, frozen=True):
    type: str
    payload: Any = None


class _Frame(msgspec.Struct, frozen=True):
    current: _Current | None = None
    history: _Current | None = None
    event: _Event | None = None
    reauth: dict[str, Any] | None = msgspec.field(name="reauthRequired", default=None)


class Push(Enum):
    """What a frame can say besides a reading."""

    NOTHING = "nothing"
    LOGIN_WANTED = "login wanted"  # the session ran out or OctoPrint was restarted


class Follower:
    """Follows one push socket: each frame to the reading that it makes.

    OctoPrint reports temperatures only when it has new ones, and may leave out the last push of a
    print; what is missing is carried over from the frames and events before.
    """

    EVENTS = ("PrintStarted", "PrintDone", "PrintCancelled")

    def __init__(self) -> None:
        self._heaters = _Heaters()
        self._ended: Reading | None = None  # how the job that still shows as under way has ended
        self._last = Reading(state=State.STARTING)

    def feed(self, frame: bytes | str) -> Reading | Push:
        """Raises `ProtocolViolation` on bytes that are no frame of OctoPrint's push API."""
        pushed = _decode(frame, _Frame)
        if pushed.reauth is not None:
            return Push.LOGIN_WANTED
        current = pushed.current or pushed.history
        if current:
            self._last = self._after_end(self._reading(current))
            return self._last
        return self._event(pushed.event) if pushed.event else Push.NOTHING

    def _reading(self, current: _Current) -> Reading:
        if current.temps:
            self._heaters = current.temps[-1]
        state, message = current.state.meaning()
        reading = Reading(
            state=state,
            message=message,
            nozzle_c=self._heaters.tool0.actual,
            nozzle_target_c=self._heaters.tool0.target,
            bed_c=self._heaters.bed.actual,
            bed_target_c=self._heaters.bed.target,
            chamber_c=self._heaters.chamber.actual,
            height_mm=current.current_z,
        )
        return _with_job(reading, current) if state in BUSY else reading

    def _after_end(self, reading: Reading) -> Reading:
        """Let a job that has ended stay so until OctoPrint's throttled pushes say it too."""
        if self._ended is None:
            return reading
        if reading.state not in BUSY:
            self._ended = None
            return reading
        return msgspec.structs.replace(
            reading,
            state=self._ended.state,
            progress_ratio=self._ended.progress_ratio,
            left_s=self._ended.left_s,
        )

    def _event(self, event: _Event) -> Reading | Push:
        if event.type == "PrintStarted":
            self._ended = None
        if event.type not in ("PrintDone", "PrintCancelled"):
            return Push.NOTHING
        told = _convert(event.payload or {}, _Payload)
        job = {
            "message": None,
            "file_name": self._last.file_name or (told.name and told.name[:_NAME_LIMIT]),
            "elapsed_s": _seconds(told.time),
        }
        if event.type == "PrintDone":
            end = {"state": State.PRINTING, "progress_ratio": 1.0, "left_s": 0}
        else:
            end = {"state": State.CANCELLING, "left_s": None}
        self._last = self._ended = msgspec.structs.replace(self._last, **job, **end)
        return self._last


def _with_job(reading: Reading, current: _Current) -> Reading:
    file = (current.job and current.job.file) or _File()
    progress = current.progress or _Progress()
    name = file.display or file.name
    percent = progress.completion
    return msgspec.structs.replace(
        reading,
        file_name=name and name[:_NAME_LIMIT],
        progress_ratio=None if percent is None else min(max(percent / 100, 0.0), 1.0),
        elapsed_s=_seconds(progress.print_time),
        left_s=_seconds(progress.print_time_left),
    )


def _seconds(value: float | None) -> int | None:
    return None if value is None else int(min(max(value, 0), _SECONDS_LIMIT))


class _Person(msgspec.Struct, frozen=True):
    name: str | None = None
    permissions: tuple[str, ...] = ()


class _Version(msgspec.Struct, frozen=True):
    text: str


class _Profile(msgspec.Struct, frozen=True):
    model: str | None = None
    current: bool = False


class _Profiles(msgspec.Struct, frozen=True):
    profiles: dict[str, _Profile]


class _System(msgspec.Struct, frozen=True):
    firmware: str | None = msgspec.field(name="printer.firmware", default=None)


class _SystemInfo(msgspec.Struct, frozen=True):
    systeminfo: _System


class _Login(msgspec.Struct, frozen=True):
    name: str
    session: str


class _Printer(msgspec.Struct, frozen=True):
    state: PrinterState


class _Uploaded(msgspec.Struct, frozen=True, rename="camel"):
    effective_print: bool = True  # 1.4 and older do not say it


class _Asked(msgspec.Struct, frozen=True):
    app_token: str


class _Granted(msgspec.Struct, frozen=True):
    api_key: str


class _Error(msgspec.Struct, frozen=True):
    error: str


def permissions(person: bytes) -> frozenset[str] | None:
    """Return what the key allows (GET /api/currentuser), or nothing if it is nobody's."""
    known = _decode(person, _Person)
    return frozenset(known.permissions) if known.name else None


def host_facts(
    version: bytes, allowed: frozenset[str], profiles: bytes | None, system_info: bytes | None
) -> HostFacts:
    """Put together what OctoPrint says of itself; the last two only where the key may read them."""
    known = _decode(profiles, _Profiles).profiles.values() if profiles else ()
    model = next((profile.model for profile in known if profile.current), None)
    firmware = _decode(system_info, _SystemInfo).systeminfo.firmware if system_info else None
    return HostFacts(
        software=_decode(version, _Version).text[:_NAME_LIMIT],
        firmware=firmware and firmware[:_NAME_LIMIT],
        model=None if model == _DEFAULT_MODEL else model and model[:_NAME_LIMIT],
        can=tuple(capability.value for capability, needed in _PERMISSIONS_FOR.items() if needed <= allowed),
    )


def socket_login(login: bytes) -> str:
    """Return the `auth` value for the push socket (POST /api/login)."""
    known = _decode(login, _Login)
    return f"{known.name}:{known.session}"


def printer_state(printer: bytes) -> PrinterState:
    return _decode(printer, _Printer).state


def was_started(upload: bytes) -> bool:
    """Whether OctoPrint also printed what it was given (POST /api/files/local)."""
    return _decode(upload, _Uploaded).effective_print


def request_token(asked: bytes) -> str:
    return _decode(asked, _Asked).app_token


def granted_key(granted: bytes) -> str:
    return _decode(granted, _Granted).api_key


def error_words(answer: bytes) -> str | None:
    """Return the host's own words on why it refused, where the answer holds any."""
    try:
        return _decode(answer, _Error).error[:_WORDS_LIMIT]
    except ProtocolViolation:
        return None  # a proxy's page, or nothing


def _decode(content: bytes | str, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ProtocolViolation(f"This is not what OctoPrint says: {error}") from error


def _convert(value: Any, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.convert(value, shape)
    except (msgspec.ValidationError, OverflowError) as error:
        raise ProtocolViolation(f"This is not what OctoPrint says: {error}") from error
