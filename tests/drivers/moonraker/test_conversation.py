"""Recorded traffic (see record.py) and what nobody recorded, through a conversation."""

import json
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glassbed.drivers.interface import HostError, HostFault, HostRefused
from glassbed.drivers.moonraker.conversation import Conversation
from glassbed.protocol.errors import ProtocolViolation
from glassbed.protocol.reading import FIELDS, Reading, State

RECORDED = Path(__file__).with_name("recorded")
SERVER_INFO = {"klippy_state": "ready", "moonraker_version": "0.11.0"}
OBJECTS = ["webhooks", "print_stats", "virtual_sdcard", "extruder", "extruder1", "toolhead", "gcode_move"]
STATUS = {
    "webhooks": {"state": "ready", "state_message": "Printer is ready"},
    "print_stats": {"state": "standby", "filename": "", "info": {"total_layer": None, "current_layer": None}},
    "extruder": {"temperature": 21.5, "target": 0.0},
}


def replayed(scene: str, under_way: State | None = None) -> list[Reading]:
    """Every reading of a recorded scene, as if the bridge took each as it came."""
    conversation = Conversation(None)
    conversation.opening()
    readings = []
    for entry in json.loads((RECORDED / f"{scene}.json").read_text()):
        if entry == "poll":
            assert conversation.poll()
            continue
        conversation.receive(json.dumps(entry))
        if conversation.changed:
            readings += conversation.readings(under_way)
    return readings


def states(readings: list[Reading]) -> list[State]:
    return [state for state, _ in groupby(reading.state for reading in readings)]


def answer(conversation: Conversation, number: int, result: object) -> list[str]:
    return conversation.receive(json.dumps({"jsonrpc": "2.0", "id": number, "result": result}))


def refuse(conversation: Conversation, number: int, message: str) -> list[str]:
    return conversation.receive(
        json.dumps({"jsonrpc": "2.0", "id": number, "error": {"code": 503, "message": message}})
    )


def notify(conversation: Conversation, method: str, *params: object) -> list[str]:
    return conversation.receive(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))


def subscribed(objects=OBJECTS, status=STATUS) -> Conversation:
    conversation = Conversation(None)
    conversation.opening()
    answer(conversation, 1, {"connection_id": 1})
    answer(conversation, 2, SERVER_INFO)
    answer(conversation, 3, {"objects": objects})
    answer(conversation, 4, {"status": status, "eventtime": 1.0})
    conversation.readings()
    return conversation


def updated(conversation: Conversation, **changes: object) -> list[Reading]:
    notify(conversation, "notify_status_update", changes, 2.0)
    return conversation.readings()


# -- recorded -----------------------------------------------------------------------------------------


def test_a_recorded_print_is_read_from_first_to_last():
    readings = replayed("printed")
    job = [reading for reading in readings if reading.state is State.PRINTING]

    assert states(readings) == [State.READY, State.PRINTING, State.READY]
    assert {reading.file_name for reading in job} == {"Würfel 1.gcode"}
    assert [layer for layer, _ in groupby(reading.layer for reading in job)] == [1, 2, 3]
    assert {reading.layers for reading in job} == {3}
    assert job[-1] == Reading(
        state=State.PRINTING,
        file_name="Würfel 1.gcode",
        progress_ratio=1.0,
        layer=3,
        layers=3,
        height_mm=job[-1].height_mm,
        elapsed_s=job[-1].elapsed_s,
        left_s=0,
        filament_mm=24.0,
        nozzle_c=21.99,
        nozzle_target_c=0.0,
        bed_c=21.99,
        bed_target_c=0.0,
        chamber_c=21.99,
        fan_ratio=job[-1].fan_ratio,
        speed_ratio=1.0,
    )
    assert job[-1].height_mm == pytest.approx(0.6)
    assert job[-1].fan_ratio == pytest.approx(128 / 255, abs=0.01)
    assert 6 <= job[-1].elapsed_s <= 12


def test_the_slicers_estimate_gives_the_time_left():
    job = [reading for reading in replayed("printed") if reading.state is State.PRINTING][:-1]

    assert {reading.elapsed_s + reading.left_s for reading in job[2:]} <= {89, 90}


def test_a_recorded_pause_and_cancel_are_read():
    readings = replayed("cancelled")

    assert states(readings) == [
        State.READY,
        State.PRINTING,
        State.PAUSED,
        State.PRINTING,
        State.CANCELLING,
        State.READY,
    ]
    last = next(reading for reading in readings if reading.state is State.CANCELLING)
    assert 0 < last.progress_ratio < 1


def test_a_recorded_failure_is_told_in_klippers_words():
    readings = replayed("failed")
    failure = next(reading for reading in readings if reading.state is State.ERROR)

    assert states(readings) == [State.READY, State.PRINTING, State.ERROR, State.READY]
    assert failure.message.startswith("Move out of range: 9000")
    assert failure.file_name is None
    assert readings[-1].message == failure.message


def test_a_recorded_emergency_stop_ends_in_ready_after_the_restart():
    readings = replayed("stopped")
    stopped = next(reading for reading in readings if reading.state is State.STOPPED)

    assert states(readings) == [State.READY, State.PRINTING, State.STOPPED, State.STARTING, State.READY]
    assert stopped.message.startswith("Shutdown due to webhooks request Once the underlying issue")
    assert stopped.nozzle_c == 21.99
    assert stopped.file_name is None


def test_a_klipper_that_dies_takes_its_print_with_it():
    readings = replayed("abandoned")
    last = next(reading for reading in readings if reading.state is State.ERROR)
    away = next(reading for reading in readings if reading.state is State.STARTING)

    assert states(readings) == [State.READY, State.PRINTING, State.ERROR, State.STARTING, State.READY]
    assert last.message == "Klipper, the program that drives the printer, ended in the middle of the print."
    assert (away.message, away.nozzle_c) == (
        "Klipper, the program that drives the printer, is not running.",
        None,
    )


@pytest.mark.parametrize(
    ("under_way", "shown"),
    [
        (
            State.PAUSING,
            [State.READY, State.PAUSING, State.PAUSED, State.PAUSING, State.CANCELLING, State.READY],
        ),
        (
            State.RESUMING,
            [State.READY, State.PRINTING, State.RESUMING, State.PRINTING, State.CANCELLING, State.READY],
        ),
        (State.CANCELLING, [State.READY, State.CANCELLING, State.READY]),
    ],
)
def test_an_order_under_way_shows_where_it_fits(under_way, shown):
    assert states(replayed("cancelled", under_way)) == shown


# -- one by one ---------------------------------------------------------------------------------------


def test_it_identifies_itself_with_the_key_and_without_one_says_none():
    with_key, without = (json.loads(Conversation(key).opening()[0]) for key in ("secret", None))

    assert with_key["params"]["api_key"] == "secret"
    assert "api_key" not in without["params"]


def test_a_key_that_is_not_accepted_is_a_refusal():
    conversation = Conversation("wrong")
    conversation.opening()

    with pytest.raises(HostRefused):
        refuse(conversation, 1, "Invalid API Key")


def test_only_what_is_read_is_subscribed_to():
    conversation = Conversation(None)
    conversation.opening()
    answer(conversation, 2, SERVER_INFO)
    names = [
        *OBJECTS,
        "configfile",
        "gcode_macro SECRET",
        "temperature_sensor Chamber",
        "heater_generic chamber",
    ]
    asked = json.loads(answer(conversation, 3, {"objects": names})[0])

    assert asked["method"] == "printer.objects.subscribe"
    assert set(asked["params"]["objects"]) == {*OBJECTS, "heater_generic chamber"}


def test_what_was_not_subscribed_to_is_not_kept():
    conversation = subscribed()
    notify(conversation, "notify_status_update", {"gcode_macro SECRET": {"value": 1}}, 2.0)

    assert "gcode_macro SECRET" not in conversation._objects


def test_the_active_of_several_nozzles_is_read():
    conversation = subscribed(
        status=STATUS | {"extruder1": {"temperature": 205.0, "target": 210.0}, "toolhead": {}}
    )

    assert updated(conversation, toolhead={"extruder": "extruder1"})[0].nozzle_c == 205.0
    assert updated(conversation, toolhead={"extruder": "extruder"})[0].nozzle_c == 21.5


def test_a_print_that_was_over_between_two_updates_is_told_nevertheless():
    finished = {"state": "complete", "filename": "a.gcode", "total_duration": 0.1, "print_duration": 0.1}
    conversation = subscribed()

    first = updated(conversation, print_stats=finished)
    again = updated(conversation, print_stats={"total_duration": 0.2})
    nothing = updated(conversation, extruder={"temperature": 22.0})

    for readings in (first, again):
        assert [(r.state, r.file_name, r.progress_ratio) for r in readings] == [
            (State.PRINTING, "a.gcode", 1.0),
            (State.READY, None, None),
        ]
    assert [r.state for r in nothing] == [State.READY]


def test_a_print_that_failed_between_two_updates_is_told_with_its_beginning():
    failed = {"state": "error", "filename": "a.gcode", "message": "Extrude below minimum temp"}

    assert [(r.state, r.file_name, r.message) for r in updated(subscribed(), print_stats=failed)] == [
        (State.PRINTING, "a.gcode", None),
        (State.ERROR, None, "Extrude below minimum temp"),
        (State.READY, None, "Extrude below minimum temp"),
    ]


def test_a_print_that_ended_before_we_came_is_not_told_again():
    stats = {"state": "cancelled", "filename": "a.gcode", "total_duration": 9.0}
    conversation = Conversation(None)
    conversation.opening()
    answer(conversation, 2, SERVER_INFO)
    answer(conversation, 3, {"objects": OBJECTS})
    answer(conversation, 4, {"status": STATUS | {"print_stats": stats}})

    assert [reading.state for reading in conversation.readings()] == [State.READY]


def test_without_an_estimate_the_time_left_comes_from_the_progress():
    conversation = subscribed()
    stats = {"state": "printing", "filename": "a.gcode", "print_duration": 30.0}

    early = updated(conversation, print_stats=stats, virtual_sdcard={"progress": 0.01})[0]
    later = updated(conversation, virtual_sdcard={"progress": 0.25})[0]

    assert (early.elapsed_s, early.left_s) == (30, None)
    assert later.left_s == 90


def test_the_estimate_of_one_file_is_not_used_for_the_next():
    conversation = subscribed()
    stats = {"state": "printing", "filename": "a.gcode", "print_duration": 10.0}
    asked = notify(
        conversation, "notify_status_update", {"print_stats": stats, "virtual_sdcard": {"progress": 0.5}}
    )
    answer(conversation, json.loads(asked[0])["id"], {"estimated_time": 100})
    assert updated(conversation, webhooks={})[0].left_s == 90

    updated(conversation, print_stats={"state": "complete"})
    assert updated(conversation, print_stats={"state": "printing"})[0].left_s == 10


def test_while_klipper_starts_it_is_asked_after_and_subscribed_to_when_it_is_there():
    conversation = Conversation(None)
    conversation.opening()
    answer(conversation, 1, {})
    answer(conversation, 2, SERVER_INFO | {"klippy_state": "startup"})
    assert [reading.state for reading in conversation.readings()] == [State.STARTING]

    asked = json.loads(conversation.poll()[0])
    assert asked["method"] == "server.info"
    assert conversation.poll() == []
    assert json.loads(answer(conversation, asked["id"], SERVER_INFO)[0])["method"] == "printer.objects.list"
    assert not conversation.changed


def test_a_subscription_that_fails_is_tried_again():
    conversation = Conversation(None)
    conversation.opening()
    answer(conversation, 1, {})
    answer(conversation, 2, SERVER_INFO)
    refuse(conversation, 3, "Klippy Host not connected")

    assert [reading.state for reading in conversation.readings()] == [State.STARTING]
    assert conversation.poll()


def test_klippers_own_error_is_read_with_its_words():
    broken = {"webhooks": {"state": "error", "state_message": "Option 'pin'\nis not valid"}}
    conversation = subscribed(status=broken)

    assert conversation.readings() == [
        Reading(state=State.ERROR, message="Option 'pin' is not valid"),
    ]


def test_a_server_that_can_not_say_how_it_is_is_a_fault():
    conversation = Conversation(None)
    conversation.opening()

    with pytest.raises(HostFault, match="out of order"):
        refuse(conversation, 2, "out of order")


# -- anything at all ----------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=6,
)
PRINT_FIELDS = ["state", "filename", "message", "total_duration", "print_duration", "info", "filament_used"]
OTHER_FIELDS = [
    "state_message",
    "progress",
    "temperature",
    "target",
    "speed_factor",
    "gcode_position",
    "extruder",
]
fields = st.sampled_from([*PRINT_FIELDS, *OTHER_FIELDS])
states_of_klipper = st.sampled_from(
    ["printing", "paused", "complete", "cancelled", "error", "ready", "shutdown"]
)
updates = st.dictionaries(
    st.sampled_from(OBJECTS), st.dictionaries(fields, states_of_klipper | json_values, max_size=4), max_size=4
)


def is_sound(reading: Reading) -> bool:
    return reading.state in State and set(FIELDS) >= set(reading.__struct_fields__)


def heard(conversation: Conversation, frame: bytes | str) -> list[Reading]:
    """Readings after this frame; an error of the interface is an answer too, anything else is not."""
    with suppress(ProtocolViolation, HostError):
        conversation.receive(frame)
        return conversation.readings() if conversation.changed else []
    return []


@given(st.binary() | st.text().map(str.encode))
@example(b"[" * 100_000)
@example(b'{"id": 3, "result": {"objects": 1}}')
@example(b'{"method": "notify_status_update", "params": {"a": 1}}')
def test_any_bytes_give_readings_or_a_protocol_violation(frame):
    assert all(is_sound(reading) for reading in heard(subscribed(), frame))


@given(st.integers(1, 5), json_values)
def test_any_answer_gives_readings_or_a_protocol_violation(number, result):
    conversation = Conversation(None)
    conversation.opening()
    answers = [{}, SERVER_INFO, {"objects": OBJECTS}, {"status": STATUS}]
    for earlier in range(1, number):
        with suppress(IndexError):
            answer(conversation, earlier, answers[earlier - 1])

    frame = json.dumps({"jsonrpc": "2.0", "id": number, "result": result})
    assert all(is_sound(reading) for reading in heard(conversation, frame))


@given(st.lists(updates, max_size=4))
def test_any_status_gives_readings_or_a_protocol_violation(changes):
    conversation = subscribed()
    for change in changes:
        frame = json.dumps({"method": "notify_status_update", "params": [change, 1.0]})
        assert all(is_sound(reading) for reading in heard(conversation, frame))
