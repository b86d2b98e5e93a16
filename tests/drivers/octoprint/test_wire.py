import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbed.drivers.octoprint import wire
from glassbed.drivers.octoprint.wire import Follower, Push
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.messages import HostFacts
from glassbed.protocol.reading import Reading, State

# Recorded from OctoPrint 1.11.8 with its virtual printer; shortened to one line each.
OPERATIONAL = {"text": "Operational", "flags": {"operational": True, "ready": True}, "error": ""}
PRINTING = {"text": "Printing", "flags": {"operational": True, "printing": True}, "error": ""}
NO_JOB = {"file": {"name": None, "path": None, "size": None, "origin": None, "date": None}}
JOB = {
    "file": {"name": "Schluessel.gcode", "path": "glassbed/x", "display": "Schlüssel.gcode", "size": 987},
    "estimatedPrintTime": None,
    "filament": {"length": None, "volume": None},
}
PROGRESS = {
    "completion": 41.25,
    "filepos": 407,
    "printTime": 17,
    "printTimeLeft": 25,
    "printTimeLeftOrigin": "linear",
}
HEAT = {
    "time": 1795343820,
    "tool0": {"actual": 209.65, "target": 210.0},
    "bed": {"actual": 59.6, "target": 60.0},
    "chamber": {"actual": None, "target": None},
}


def current(state, job=NO_JOB, progress=None, temps=(), current_z=None, kind="current"):
    pushed = {"state": state, "job": job, "progress": progress, "temps": temps, "currentZ": current_z}
    return json.dumps({kind: pushed | {"offsets": {}, "resends": {"count": 0}, "serverTime": 1795343819.0}})


def event(kind, **payload):
    return json.dumps({"event": {"type": kind, "payload": payload or None}})


def flags_of(**flags):
    return {"text": "", "flags": flags}


def test_a_print_under_way_is_read_in_full():
    assert Follower().feed(current(PRINTING, JOB, PROGRESS, [HEAT], 5.1)) == Reading(
        state=State.PRINTING,
        file_name="Schlüssel.gcode",
        progress_ratio=0.4125,
        elapsed_s=17,
        left_s=25,
        height_mm=5.1,
        nozzle_c=209.65,
        nozzle_target_c=210.0,
        bed_c=59.6,
        bed_target_c=60.0,
    )


def test_the_history_pushed_first_is_a_reading_too_with_its_newest_temperatures():
    older = HEAT | {"tool0": {"actual": 20.0, "target": 0}}
    reading = Follower().feed(current(OPERATIONAL, temps=[older, HEAT], kind="history"))

    assert (reading.state, reading.nozzle_c) == (State.READY, 209.65)


def test_a_job_that_is_only_selected_is_not_under_way():
    reading = Follower().feed(current(OPERATIONAL, JOB, PROGRESS | {"completion": 100.0}))

    assert (reading.file_name, reading.progress_ratio, reading.elapsed_s) == (None, None, None)


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ({"operational": True, "ready": True}, State.READY),
        ({"operational": True, "printing": True}, State.PRINTING),
        ({"operational": True, "printing": True, "finishing": True}, State.PRINTING),
        ({"operational": True, "printing": True, "pausing": True}, State.PAUSING),
        ({"operational": True, "paused": True}, State.PAUSED),
        ({"operational": True, "printing": True, "resuming": True}, State.RESUMING),
        ({"operational": True, "printing": True, "cancelling": True}, State.CANCELLING),
    ],
)
def test_each_flag_has_its_state(flags, state):
    reading = Follower().feed(current(flags_of(**flags)))

    assert (reading.state, reading.message) == (state, None)


@pytest.mark.parametrize(
    ("text", "error", "state", "message"),
    [
        ("Offline", "", State.STARTING, "Offline"),
        ("Opening serial connection", "", State.STARTING, "Opening serial connection"),
        ("Detecting serial connection", "", State.STARTING, "Detecting serial connection"),
        ("Connecting", "", State.STARTING, "Connecting"),
        ("Transferring file to SD", "", State.STARTING, "Transferring file to SD"),
        ("Error", "Thermal Runaway, system stopped!", State.ERROR, "Thermal Runaway, system stopped!"),
        ("Offline after error", "MINTEMP triggered", State.ERROR, "MINTEMP triggered"),
        ("Offline (Error: too many timeouts)", None, State.ERROR, "Offline (Error: too many timeouts)"),
        (
            "Offline after error",
            "Closing serial port due to emergency stop M112.",
            State.STOPPED,
            "Closing serial port due to emergency stop M112.",
        ),
    ],
)
def test_a_printer_that_does_not_work_says_why_in_its_hosts_words(text, error, state, message):
    reading = Follower().feed(current({"text": text, "flags": {"closedOrError": True}, "error": error}))

    assert (reading.state, reading.message) == (state, message)


def test_temperatures_stay_until_there_are_newer_ones():
    follower = Follower()
    follower.feed(current(PRINTING, JOB, PROGRESS, [HEAT]))

    assert follower.feed(current(PRINTING, JOB, PROGRESS)).nozzle_c == 209.65
    assert (
        follower.feed(
            current(PRINTING, JOB, PROGRESS, [HEAT | {"tool0": {"actual": 3, "target": 0}}])
        ).nozzle_c
        == 3
    )
    assert follower.feed(current({"text": "Offline"}, temps=[{"time": 1795343832}])).nozzle_c is None


@pytest.mark.parametrize(("percent", "ratio"), [(-1, 0), (0, 0), (50, 0.5), (100.0001, 1), (None, None)])
def test_progress_stays_between_0_and_1(percent, ratio):
    assert Follower().feed(current(PRINTING, JOB, PROGRESS | {"completion": percent})).progress_ratio == ratio


def test_a_negative_time_left_is_0():
    assert Follower().feed(current(PRINTING, JOB, PROGRESS | {"printTimeLeft": -3})).left_s == 0


def test_names_and_words_without_end_are_cut_to_what_our_messages_hold():
    job = {"file": {"display": "n" * 5000}}
    broken = {"text": "Error", "flags": {}, "error": "w" * 5000}

    assert Follower().feed(current(PRINTING, job)).file_name == "n" * 255
    assert Follower().feed(event("PrintDone", name="n" * 5000)).file_name == "n" * 255
    assert len(Follower().feed(current(broken)).message) < 2000


# -- how a job ends ------------------------------------------------------------------------------------


def test_a_job_that_is_done_is_at_1_even_if_a_push_from_before_comes_later():
    follower = Follower()
    follower.feed(current(PRINTING, JOB, PROGRESS))
    done = follower.feed(event("PrintDone", name="x.gcode", time=40.7))
    late = follower.feed(current(PRINTING, JOB, PROGRESS))

    assert (done.state, done.progress_ratio, done.left_s, done.elapsed_s) == (State.PRINTING, 1, 0, 40)
    assert done.file_name == "Schlüssel.gcode"
    assert (late.state, late.progress_ratio) == (State.PRINTING, 1)
    assert follower.feed(current(OPERATIONAL, JOB, PROGRESS)).state is State.READY


def test_a_job_too_short_for_a_push_still_shows_that_it_was_done():
    follower = Follower()
    follower.feed(current(OPERATIONAL))
    done = follower.feed(event("PrintDone", name="x.gcode", time=0.04))

    assert (done.state, done.file_name, done.progress_ratio) == (State.PRINTING, "x.gcode", 1)


def test_a_cancelled_job_stays_so_until_the_printer_is_ready():
    follower = Follower()
    follower.feed(current(PRINTING, JOB, PROGRESS))
    cancelled = follower.feed(event("PrintCancelled", name="x.gcode", time=17.2))

    assert (cancelled.state, cancelled.progress_ratio) == (State.CANCELLING, 0.4125)
    assert follower.feed(current(PRINTING, JOB, PROGRESS)).state is State.CANCELLING
    assert follower.feed(current(OPERATIONAL)).state is State.READY


def test_a_new_job_right_after_the_old_one_starts_afresh():
    follower = Follower()
    follower.feed(current(PRINTING, JOB, PROGRESS))
    follower.feed(event("PrintDone", name="x.gcode", time=40.7))
    assert follower.feed(event("PrintStarted", name="y.gcode")) is Push.NOTHING

    assert follower.feed(current(PRINTING, JOB, PROGRESS)).progress_ratio == 0.4125


# -- other frames ----------------------------------------------------------------------------------------


def test_a_frame_that_asks_for_a_new_login_says_so():
    assert Follower().feed('{"reauthRequired":{"reason":"stale"}}') is Push.LOGIN_WANTED


@pytest.mark.parametrize(
    "frame",
    [
        '{"connected":{"version":"1.11.8"}}',
        '{"timelapse":null}',
        '{"plugin":{"plugin":"x"}}',
        event("ZChange", new=3),
    ],
)
def test_frames_about_other_things_are_passed_over(frame):
    assert Follower().feed(frame) is Push.NOTHING


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "o",
        "[1]",
        b"\xff\xfe",
        "\ud800",
        '{"current":{}}',
        '{"current":{"state":{"text":7}}}',
        '{"event":{"type":"PrintDone","payload":{"time":"soon"}}}',
        '{"event":{"type":"PrintDone","payload":[1]}}',
        '{"event":{"type":"PrintDone","payload":{"time":1' + "0" * 400 + "}}}",
        '{"x":' + "[" * 200_000,
    ],
)
def test_what_octoprint_never_says_is_a_violation(frame):
    with pytest.raises(ProtocolViolation):
        Follower().feed(frame)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _mostly(shape):
    """An object of this shape in which any field may hold anything, or be missing."""
    return st.fixed_dictionaries({}, optional={name: _json | value for name, value in shape.items()})


_number = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
_heater = _mostly({"actual": _number, "target": _number})
_current = _mostly(
    {
        "state": _mostly(
            {
                "text": st.sampled_from(["Operational", "Offline after error"]) | st.text(),
                "error": st.none() | st.text(),
                "flags": st.dictionaries(st.sampled_from(["printing", "paused", "ready"]), st.booleans()),
            }
        ),
        "job": st.none() | _mostly({"file": _mostly({"name": st.text(), "display": st.text(min_size=300)})}),
        "progress": _mostly({"completion": _number, "printTime": _number, "printTimeLeft": _number}),
        "currentZ": _number,
        "temps": st.lists(_mostly({"tool0": _heater, "bed": _heater}), max_size=3),
    }
)
_event = _mostly(
    {
        "type": st.sampled_from(["PrintStarted", "PrintDone", "PrintCancelled"]),
        "payload": st.none() | _mostly({"name": st.text(), "time": _number}),
    }
)
_frame = _mostly({"current": _current, "history": _current, "event": _event}).map(json.dumps)


@given(st.lists(_frame | st.binary() | st.text(), max_size=5))
def test_any_frames_give_readings_within_their_limits_or_a_violation(frames):
    follower = Follower()
    for frame in frames:
        try:
            said = follower.feed(frame)
        except ProtocolViolation:
            continue
        if isinstance(said, Reading):
            assert msgspec.json.decode(msgspec.json.encode(said), type=Reading) == said
            assert said.progress_ratio is None or 0 <= said.progress_ratio <= 1
            assert len(said.file_name or "") <= 255
            assert len(said.message or "") <= 2000
            assert min(said.elapsed_s or 0, said.left_s or 0) >= 0
        else:
            assert isinstance(said, Push)


# -- answers ---------------------------------------------------------------------------------------------

VERSION = b'{"api": "0.1", "server": "1.11.8", "text": "OctoPrint 1.11.8"}'


def profile(model, *, current=True):
    return {"model": model, "current": current, "id": "x", "volume": {"depth": 200.0}}


def test_facts_are_put_together_from_what_the_key_may_read():
    profiles = json.dumps({"profiles": {"a": profile("Other", current=False), "b": profile("MK3S")}}).encode()
    system = b'{"systeminfo": {"printer.firmware": "Virtual Marlin 1.0", "env.hardware.cores": 2}}'

    assert wire.host_facts(VERSION, frozenset({"PRINT", "CONTROL"}), profiles, system) == HostFacts(
        software="OctoPrint 1.11.8",
        firmware="Virtual Marlin 1.0",
        model="MK3S",
        can=("pause", "cancel", "emergency_stop"),
    )


def test_facts_leave_out_what_nobody_has_set_and_what_the_key_may_not_read():
    untouched = json.dumps({"profiles": {"_default": profile("Generic RepRap Printer")}}).encode()

    assert wire.host_facts(VERSION, frozenset(), untouched, None) == HostFacts(software="OctoPrint 1.11.8")
    assert wire.host_facts(VERSION, frozenset(), None, b'{"systeminfo": {}}') == HostFacts(
        software="OctoPrint 1.11.8"
    )


def test_a_key_of_nobody_allows_nothing_at_all():
    assert wire.permissions(b'{"groups": ["guests"], "name": null, "permissions": ["STATUS"]}') is None
    assert wire.permissions(b'{"name": "ada", "permissions": ["STATUS"]}') == {"STATUS"}


def test_a_refusal_is_told_in_the_hosts_words_where_it_has_any():
    assert wire.error_words(b'{"error": "Printer is not operational"}') == "Printer is not operational"
    assert wire.error_words(b"<html>502</html>") is None


@pytest.mark.parametrize(
    "read",
    [
        wire.permissions,
        wire.socket_login,
        wire.printer_state,
        wire.was_started,
        wire.request_token,
        wire.granted_key,
        lambda answer: wire.host_facts(answer, frozenset(), None, None),
        lambda answer: wire.host_facts(VERSION, frozenset(), answer or b"?", None),
        lambda answer: wire.host_facts(VERSION, frozenset(), None, answer or b"?"),
    ],
)
@given(answer=st.binary() | _json.map(lambda value: json.dumps(value).encode()))
def test_any_answer_is_read_or_a_violation(read, answer):
    with suppress(ProtocolViolation):
        read(answer)
