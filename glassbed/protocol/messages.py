"""Every message on the bridge's link (`/bridge`) and on the browser's socket (`/live`).

JSON text frames, one message a frame, told apart by `t`. Unknown fields are refused, so that a
mistake is seen at the border and not three processes later. Times are Unix seconds (UTC, float).
The published description, made from these classes, is docs/asyncapi.yaml.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.reading import State

VERSION = 1
"""Of the protocol; both sides name it in their first message and refuse another."""

FRAME_LIMIT_BYTES = 256 * 1024

Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", max_length=36)]
Text = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[^\x00]*$")]  # a database takes no NUL
Name = Annotated[str, msgspec.Meta(max_length=255, pattern=r"^[^\x00]*$")]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
Moment = Annotated[float, msgspec.Meta(ge=0, lt=4e9)]  # Unix seconds, until the year 2096
Seconds = Annotated[int, msgspec.Meta(ge=0, lt=10**9)]


class Message(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="t", forbid_unknown_fields=True, omit_defaults=True
):
    """A frame."""


# -- what is bound --------------------------------------------------------------------------------


class Printer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A printer as the bridge has to know it. The host's key is not here: it stays at the bridge."""

    id: Id
    driver: Name
    address: Name
    keep_history: bool = True
    keep_trace: bool = True


class HostFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a printer host says of itself."""

    software: Name | None = None  # "OctoPrint 1.11.8"
    firmware: Name | None = None
    model: Name | None = None
    serial: Name | None = None
    hostname: Name | None = None
    can: tuple[str, ...] = ()  # capabilities, see drivers.interface.Capability


class Found(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A printer host that announces itself on the bridge's network."""

    driver: Name
    address: Name
    name: Name


# -- commands: server → bridge ----------------------------------------------------------------------


class Print(Message, frozen=True, tag="print"):
    """Fetch the file of this print from the server, hand it to the host, start it."""

    print_id: Id
    file_name: Name
    size_bytes: int
    sha256: str


class Pause(Message, frozen=True, tag="pause"):
    pass


class Resume(Message, frozen=True, tag="resume"):
    pass


class Cancel(Message, frozen=True, tag="cancel"):
    pass


class EmergencyStop(Message, frozen=True, tag="emergency_stop"):
    pass


class Restart(Message, frozen=True, tag="restart"):
    """Restart the firmware (after an emergency stop) or reconnect the printer to its host."""


class Bind(Message, frozen=True, tag="bind"):
    """Try a host with this key; on success keep both under `printer.id`. Answered with its facts."""

    printer: Printer
    key: Text | None = None


class AskKey(Message, frozen=True, tag="ask_key"):
    """Ask the host to let a person there grant a key (OctoPrint's application keys)."""

    driver: Name
    address: Name


class Unbind(Message, frozen=True, tag="unbind"):
    """Forget a printer and its key."""


class Discover(Message, frozen=True, tag="discover"):
    """Name the hosts that announce themselves on the network."""


Order = Print | Pause | Resume | Cancel | EmergencyStop | Restart | Bind | AskKey | Unbind | Discover


class Command(Message, frozen=True, tag="command", kw_only=True):
    """A lease: valid until `expires_at`, once, and only while the printer is in a state of `expects`."""

    id: Id
    order: Order
    printer: Id | None = None
    issued_at: float
    expires_at: float
    expects: tuple[State, ...] = ()  # empty: any


class Outcome(StrEnum):
    """How a command ended."""

    DONE = "done"
    ACCEPTED = "accepted"  # begun; the end is told by events
    REFUSED = "refused"  # the lease did not hold: late, repeated, or another state
    FAILED = "failed"  # the host said no, or did not answer


class Result(Message, frozen=True, tag="result"):
    """The answer to a command."""

    id: Id
    outcome: Outcome
    reason: Text | None = None  # for people
    facts: HostFacts | None = None
    found: tuple[Found, ...] | None = None
    key: Text | None = None  # never a host's key: an address to open, for AskKey


# -- events: kept at the bridge until the recorder has committed them ------------------------------------


class PrintStarted(Message, frozen=True, tag="print_started"):
    print_id: Id
    file_name: Name
    started_at: Moment
    at_printer: bool = False  # begun at the printer itself, not from here


class PrintEnded(Message, frozen=True, tag="print_ended"):
    print_id: Id
    ended_at: Moment
    outcome: Literal["completed", "cancelled", "failed"]
    progress_ratio: Ratio | None = None
    duration_s: Seconds | None = None
    filament_mm: Annotated[float, msgspec.Meta(ge=0, lt=1e9)] | None = None
    reason: Text | None = None


class TraceChunk(Message, frozen=True, tag="trace"):
    """Up to 60 samples of one minute of a print, see protocol.trace."""

    print_id: Id
    minute: Annotated[int, msgspec.Meta(ge=0, le=100_000)]  # counted from the print's start
    samples: Annotated[bytes, msgspec.Meta(max_length=4096)]  # base64 on the wire


class Connected(Message, frozen=True, tag="connected"):
    """The bridge reached the printer's host."""

    connection_id: Id
    since: Moment
    facts: HostFacts


class Disconnected(Message, frozen=True, tag="disconnected"):
    connection_id: Id
    until: Moment


class Fault(Message, frozen=True, tag="fault"):
    """The printer or its host reported an error, in its own words."""

    at: Moment
    message: Text


Happening = PrintStarted | PrintEnded | TraceChunk | Connected | Disconnected | Fault


class Event(Message, frozen=True, tag="event"):
    """Something to keep. Sent again with the same id until it is `kept` or `dropped`."""

    id: Id
    printer: Id
    what: Happening


# -- the link -----------------------------------------------------------------------------------------


class Hello(Message, frozen=True, tag="hello"):
    """First frame of either socket: the short-lived ticket, never in the address."""

    ticket: Annotated[str, msgspec.Meta(max_length=64 * 1024)]
    version: int = VERSION


class Welcome(Message, frozen=True, tag="welcome"):
    """Server's answer to a bridge: its clock and the printers of this bridge."""

    server_time: float
    printers: tuple[Printer, ...]
    version: int = VERSION


class Printers(Message, frozen=True, tag="printers"):
    """The bridge's printers, all of them, after a change."""

    printers: tuple[Printer, ...]


class Watch(Message, frozen=True, tag="watch"):
    """Somebody watches this printer: send a full sample now, and deltas from then on."""

    printer: Id


class Unwatch(Message, frozen=True, tag="unwatch"):
    printer: Id


class Sample(Message, frozen=True, tag="sample"):
    """A delta against the sample before, or with `full` everything known."""

    printer: Id
    delta: dict[str, Any]
    full: bool = False


class Kept(Message, frozen=True, tag="kept"):
    """The recorder has committed this event: the bridge may forget it."""

    id: Id


class Dropped(Message, frozen=True, tag="dropped"):
    """The event will never be accepted (printer gone, history off, not this bridge's): forget it."""

    id: Id
    reason: Text


class Ping(Message, frozen=True, tag="ping"):
    """I am still here. Sent by bridge and browser every 20 s; a socket silent for 60 s is closed (4408)."""


class Pong(Message, frozen=True, tag="pong"):
    """Live's answer to a ping: what is quiet is idle, not cut."""


# -- browser -------------------------------------------------------------------------------------------


class Link(Message, frozen=True, tag="link"):
    """Whether the bridge of a printer is connected."""

    printer: Id
    online: bool


class Changed(Message, frozen=True, tag="changed"):
    """Something stored about this printer changed: fetch what you show of it again."""

    printer: Id
    what: Name


class Again(Message, frozen=True, tag="again"):
    """Access changed or the ticket ran out: ask for a new ticket and come back."""


ToServer = Hello | Sample | Event | Result | Ping
ToBridge = Welcome | Printers | Watch | Unwatch | Command | Kept | Dropped | Pong
ToBrowser = Sample | Link | Changed | Again | Pong
FromBrowser = Hello | Ping

_encoder = msgspec.json.Encoder()


def encode(message: Message) -> bytes:
    return _encoder.encode(message)


class Decoder:
    """Decodes frames of one direction. Raises `ProtocolViolation` for anything else."""

    def __init__(self, kinds: Any) -> None:
        self._decoder = msgspec.json.Decoder(kinds)

    def __call__(self, frame: bytes | str) -> Any:
        if len(frame) > FRAME_LIMIT_BYTES:
            raise ProtocolViolation(f"a frame of {len(frame)} bytes; the limit is {FRAME_LIMIT_BYTES}")
        try:
            return self._decoder.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProtocolViolation(f"not a message of this link: {error}") from error


decode_from_bridge = Decoder(ToServer)
decode_from_server = Decoder(ToBridge)
decode_from_browser = Decoder(FromBrowser)
decode_for_browser = Decoder(ToBrowser)
