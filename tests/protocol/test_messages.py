import contextlib
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbed.protocol import messages as m
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.reading import State

ID = "0190d2a4-1111-7000-8000-000000000001"
DECODERS = [m.decode_from_bridge, m.decode_from_server, m.decode_from_browser, m.decode_for_browser]

EXAMPLES = [
    m.Hello(ticket="t"),
    m.Welcome(server_time=1.5, printers=(m.Printer(id=ID, driver="simulated", address="simulated://x"),)),
    m.Printers(printers=()),
    m.Watch(printer=ID),
    m.Unwatch(printer=ID),
    m.Sample(printer=ID, delta={"state": "ready"}, full=True),
    m.Kept(id=ID),
    m.Dropped(id=ID, reason="history is off"),
    m.Link(printer=ID, online=True),
    m.Changed(printer=ID, what="queue"),
    m.Again(),
    m.Command(
        id=ID,
        order=m.Print(print_id=ID, file_name="a.gcode", size_bytes=3, sha256="00"),
        printer=ID,
        issued_at=1.0,
        expires_at=2.0,
        expects=(State.READY,),
    ),
    m.Command(id=ID, order=m.Discover(), issued_at=1.0, expires_at=2.0),
    m.Result(id=ID, outcome=m.Outcome.DONE, facts=m.HostFacts(firmware="f", can=("print",))),
    m.Event(id=ID, printer=ID, what=m.PrintStarted(print_id=ID, file_name="a", started_at=1.0)),
    m.Event(id=ID, printer=ID, what=m.PrintEnded(print_id=ID, ended_at=1.0, outcome="failed", reason="x")),
    m.Event(id=ID, printer=ID, what=m.TraceChunk(print_id=ID, minute=3, samples=b"\x00\xff")),
    m.Event(id=ID, printer=ID, what=m.Connected(connection_id=ID, since=1.0, facts=m.HostFacts())),
    m.Event(id=ID, printer=ID, what=m.Disconnected(connection_id=ID, until=1.0)),
    m.Event(id=ID, printer=ID, what=m.Fault(at=1.0, message="hot")),
]


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_each_message_comes_back_as_it_was_in_its_own_direction_only(message):
    decoded = []
    for decode in DECODERS:
        try:
            decoded.append(decode(m.encode(message)))
        except ProtocolViolation:
            continue
    assert decoded
    assert all(other == message for other in decoded)
    assert len(decoded) < len(DECODERS)


@pytest.mark.parametrize("decode", DECODERS)
@given(frame=st.binary(max_size=200) | st.text(max_size=200))
def test_any_frame_is_a_message_or_a_violation(decode, frame):
    with contextlib.suppress(ProtocolViolation):
        decode(frame)


@given(
    message=st.sampled_from(EXAMPLES),
    changes=st.dictionaries(
        st.sampled_from(["t", "id", "printer", "what", "order", "delta", "extra", "expires_at"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2),
        min_size=1,
    ),
)
def test_a_message_with_other_fields_is_a_message_or_a_violation(message, changes):
    frame = json.dumps(json.loads(m.encode(message)) | changes)
    for decode in DECODERS:
        with contextlib.suppress(ProtocolViolation):
            decode(frame)


def test_unknown_fields_are_refused():
    with pytest.raises(ProtocolViolation, match="extra"):
        m.decode_from_server(json.dumps({"t": "kept", "id": ID, "extra": 1}))


@pytest.mark.parametrize("id_", ["", "x", ID.upper().replace("0190D2A4", "0190D2AX"), ID + "\n", "../" + ID])
def test_what_is_no_identifier_is_refused(id_):
    with pytest.raises(ProtocolViolation):
        m.decode_from_server(json.dumps({"t": "kept", "id": id_}))


def test_a_frame_beyond_the_limit_is_refused_unread():
    frame = m.encode(m.Dropped(id=ID, reason="x" * m.FRAME_LIMIT_BYTES))
    with pytest.raises(ProtocolViolation, match="limit"):
        m.decode_from_server(frame)


def test_a_hosts_key_has_no_place_in_what_the_server_says_of_a_printer():
    assert "key" not in m.Printer.__struct_fields__
    frame = {"t": "printers", "printers": [{"id": ID, "driver": "d", "address": "a", "key": "secret"}]}
    with pytest.raises(ProtocolViolation):
        m.decode_from_server(json.dumps(frame))


def test_a_random_uuid_is_an_identifier():
    id_ = str(uuid.uuid4())
    assert m.decode_from_server(m.encode(m.Kept(id=id_))) == m.Kept(id=id_)
