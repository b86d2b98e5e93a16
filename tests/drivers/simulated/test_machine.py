import io
import random
from importlib.resources import files

import pytest

from glassbed.drivers.interface import HostConflict
from glassbed.drivers.simulated.machine import Machine
from glassbed.drivers.simulated.physics import AMBIENT_C, BED, HOTEND, Axes, Heater
from glassbed.drivers.simulated.program import Program, StoredFile
from glassbed.protocol.reading import State


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def machine(time):
    return Machine("bench", clock=time)


def stored(content, name="part.gcode"):
    file = StoredFile(name, io.BytesIO())
    for start in range(0, len(content), 7):
        file.append(content[start : start + 7])
    return file


def run(machine, time, seconds, step=0.25):
    readings = []
    for _ in range(int(seconds / step)):
        time.now += step
        readings.append(machine.reading())
    return readings


# -- heat --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "target_c", "soonest_s", "latest_s"), [(HOTEND, 215, 40, 180), (BED, 60, 40, 240)]
)
def test_a_heater_takes_its_time_overshoots_a_little_and_holds(spec, target_c, soonest_s, latest_s):
    heater = Heater(spec, random.Random(1))
    heater.aim(target_c)
    course = []
    for _ in range(4 * 600):
        heater.step(0.25)
        course.append(heater.shown_c)
    reached_s = next(index for index, celsius in enumerate(course) if celsius >= target_c - 1) / 4
    assert soonest_s < reached_s < latest_s
    assert target_c < max(course) < target_c + 8
    assert all(abs(celsius - target_c) < 1.5 for celsius in course[-400:])
    assert len({round(celsius, 2) for celsius in course[-400:]}) > 5
    assert heater.is_settled


def test_a_heater_that_is_off_cools_down_to_the_room():
    heater = Heater(HOTEND, random.Random(1))
    assert heater.is_settled
    heater.aim(200)
    for _ in range(400):
        heater.step(0.25)
    hot = heater.shown_c
    heater.aim(0)
    for _ in range(100):
        heater.step(0.25)
    assert AMBIENT_C + 10 < heater.shown_c < hot - 10
    for _ in range(8000):
        heater.step(0.25)
    assert heater.shown_c == pytest.approx(AMBIENT_C, abs=1)


def test_a_heater_is_not_driven_beyond_what_it_stands():
    heater = Heater(BED, random.Random(1))
    heater.aim(900)
    assert heater.target_c == BED.highest_c


# -- motion ------------------------------------------------------------------------------------------


def test_a_move_takes_its_length_at_its_speed():
    axes = Axes()
    axes.move({"X": 0.0, "F": 3000})
    assert axes.move({"X": 100.0}) == pytest.approx(2.0, abs=0.05)
    assert axes.move({"Y": 50.0, "E": 5.0}) == pytest.approx(1.0, abs=0.05)
    assert axes.filament_mm == 5.0
    axes.is_absolute_e = False
    axes.move({"E": 2.0})
    axes.move({"E": 2.0})
    assert axes.filament_mm == 9.0


def test_turning_back_costs_time_and_going_straight_on_does_not():
    axes = Axes()
    axes.move({"X": 10.0, "F": 6000})
    straight, back = axes.move({"X": 20.0}), axes.move({"X": 10.0})
    assert straight == pytest.approx(0.1)
    assert back > straight


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"M104 S215", {"nozzle_target_c": 215.0, "waits_for_nozzle": False}),
        (b"M109 R200 ; wait", {"nozzle_target_c": 200.0, "waits_for_nozzle": True}),
        (b"M190 S60", {"bed_target_c": 60.0, "waits_for_bed": True}),
        (b"m106 s127.5", {"fan_ratio": 0.5}),
        (b"M107", {"fan_ratio": 0.0}),
        (b"M220 S150", {"speed_ratio": 1.5}),
        (b"G4 P500", {"duration_s": 0.5}),
        (b"G4 S2", {"duration_s": 2.0}),
        (b"G29", {"duration_s": 24.0}),
        (b"G28 W", {"duration_s": 9.0}),
        (b"M112", {"stops": True}),
        (b"M601", {"pauses": True}),
        (b"M117 X1 anything", {"duration_s": 0.001}),
        (b"\xff\x00 garbage", {"duration_s": 0.001}),
        (b"", {"duration_s": 0.001}),
    ],
)
def test_a_line_asks_what_it_says(line, expected):
    step = Program(stored(line + b"\n")).next()
    assert {name: getattr(step, name) for name in expected} == expected


def test_relative_moves_and_resets_are_followed():
    program = Program(stored(b"G91\nG1 X5 E1 F600\nG1 X5 E1\nG90\nM82\nG92 E0\nG1 X0 E3\n"))
    while program.next():
        pass
    assert program.axes.at["X"] == 0.0
    assert program.axes.filament_mm == 5.0
    assert program.progress_ratio == 1.0


# -- a print -----------------------------------------------------------------------------------------


def test_the_shipped_demo_is_a_believable_print(machine, time):
    content = files("glassbed.drivers.simulated").joinpath("demo.gcode").read_bytes()
    assert 20_000 < len(content) < 62_000
    for line in (b"; thumbnail begin 220x124", b"; filament used [mm] = ", b"; total layers count = 30"):
        assert line in content
    file = stored(content)
    assert (file.layers, file.estimate_s) == (30, 15 * 60 + 29)
    machine.speed = 20
    machine.start(file)
    readings = run(machine, time, 60)
    printing = [reading for reading in readings if reading.state is State.PRINTING]
    assert printing[-1].progress_ratio == 1
    assert printing[-1].layer == 30
    assert printing[-1].height_mm == pytest.approx(12.0)
    assert printing[-1].elapsed_s == pytest.approx(file.estimate_s, rel=0.15)
    assert printing[-1].filament_mm == pytest.approx(1000, rel=0.05)
    assert 214 < max(reading.nozzle_c for reading in readings) < 222
    left = [reading.left_s for reading in printing if reading.left_s is not None]
    assert left == sorted(left, reverse=True)
    assert readings[-1].state is State.READY
    assert (readings[-1].file_name, readings[-1].nozzle_target_c) == (None, 0.0)


def test_a_pause_stops_the_file_but_not_the_heat(machine, time):
    machine.start(stored(b"M104 S200\nG4 S60\n;LAYER_CHANGE\nG4 S60\n"))
    run(machine, time, 50)
    machine.pause()
    assert machine.reading().state is State.PAUSING
    paused = run(machine, time, 20)
    assert paused[-1].state is State.PAUSED
    assert paused[-1].nozzle_target_c == 200
    assert paused[-1].elapsed_s == 50
    machine.resume()
    assert run(machine, time, 30)[-1].layer == 1


def test_orders_that_do_not_fit_are_conflicts(machine, time):
    for order in (machine.pause, machine.resume, machine.cancel):
        with pytest.raises(HostConflict):
            order()
    machine.start(stored(b"G4 S60\n"))
    with pytest.raises(HostConflict, match="printing"):
        machine.start(stored(b"G4 S60\n"))
    machine.cancel()
    with pytest.raises(HostConflict):
        machine.cancel()


@pytest.mark.parametrize(("line", "state"), [(b"M112", State.STOPPED), (b"M0", State.PAUSED)])
def test_the_file_itself_can_stop_or_pause_the_printer(machine, time, line, state):
    machine.start(stored(line + b"\nG4 S60\n"))
    assert run(machine, time, 2)[-1].state is state


def test_after_a_fault_only_a_restart_helps(machine, time):
    machine.start(stored(b"G4 S60\n"))
    machine.fault("Thermal runaway")
    reading = run(machine, time, 5)[-1]
    assert (reading.state, reading.message, reading.file_name) == (State.ERROR, "Thermal runaway", None)
    with pytest.raises(HostConflict):
        machine.check_free()
    machine.restart()
    assert machine.reading().state is State.STARTING
    assert run(machine, time, 3)[-1].state is State.READY
    assert machine.reading().message is None


def test_without_an_estimate_in_the_file_the_time_left_is_told_from_what_is_done(machine, time):
    machine.start(stored(b"G4 S1\n" * 100))
    assert machine.reading().left_s is None
    assert run(machine, time, 50)[-1].left_s == pytest.approx(50, abs=3)


def test_days_and_hours_of_an_estimate_are_read():
    file = stored(b"; estimated printing time (normal mode) = 1d 2h 3m 4s\n;LAYER:0\n;LAYER:1\n")
    assert file.estimate_s == 93_784
    assert file.layers == 2


def test_a_machine_nobody_looked_at_for_a_day_catches_up_without_stalling(machine, time):
    machine.start(stored(b"G4 S1\n" * 5000))
    time.now += 86_400
    assert machine.reading().elapsed_s == 600
