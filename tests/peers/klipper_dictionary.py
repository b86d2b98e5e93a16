"""The data dictionary of the simulated Klipper board: which messages it knows and how they are numbered.

Formats are those that the host (Klipper's protocol, as Kalico 2026.10 asks for it) looks up; a board
names them in its answer to `identify`, and in file-output mode the host reads them from a file.
"""

import json
from pathlib import Path
from typing import Any

CLOCK_HZ = 50_000_000
ADC_MAX = 4095
FIRST_ANALOG_PIN = 64
VERSION = "glassbed-simulated-1"

_IDENTIFY = "identify offset=%u count=%c"
_IDENTIFY_RESPONSE = "identify_response offset=%u data=%.*s"

_COMMANDS = """
get_uptime
get_clock
get_config
allocate_oids count=%c
finalize_config crc=%u
emergency_stop
clear_shutdown
reset
config_stepper oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u
queue_step oid=%c interval=%u count=%hu add=%hi
set_next_step_dir oid=%c dir=%c
reset_step_clock oid=%c clock=%u
stepper_get_position oid=%c
stepper_stop_on_trigger oid=%c trsync_oid=%c
config_endstop oid=%c pin=%c pull_up=%c
endstop_home oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u pin_value=%c trsync_oid=%c trigger_reason=%c
endstop_query_state oid=%c
config_trsync oid=%c
trsync_start oid=%c report_clock=%u report_ticks=%u expire_reason=%c
trsync_set_timeout oid=%c clock=%u
trsync_trigger oid=%c reason=%c
config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u
set_digital_out_pwm_cycle oid=%c cycle_ticks=%u
queue_digital_out oid=%c clock=%u on_ticks=%u
update_digital_out oid=%c value=%c
set_digital_out pin=%u value=%c
config_analog_in oid=%c pin=%u
query_analog_in oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u min_value=%hu max_value=%hu range_check_count=%c
""".strip().splitlines()

_RESPONSES = """
uptime high=%u clock=%u
clock clock=%u
config is_config=%c crc=%u is_shutdown=%c move_count=%hu
stats count=%u sum=%u sumsq=%u
shutdown clock=%u static_string_id=%hu
is_shutdown static_string_id=%hu
starting
stepper_position oid=%c pos=%i
endstop_state oid=%c homing=%c next_clock=%u pin_value=%c
trsync_state oid=%c can_trigger=%c trigger_reason=%c clock=%u
analog_in_state oid=%c next_clock=%u value=%hu
""".strip().splitlines()

SHUTDOWN_REASON = 2
"""Key of the one shutdown text that this board gives."""


def dictionary() -> dict[str, Any]:
    """Return the dictionary as a board would send it. Numbers 0 and 1 are fixed by the protocol."""
    numbers = {text: number for number, text in enumerate([*_COMMANDS, *_RESPONSES], start=2)}
    return {
        "version": VERSION,
        "build_versions": "none",
        "app": "Simulated",
        "license": "AGPL-3.0-or-later",
        "config": {
            "MCU": "simulated",
            "CLOCK_FREQ": CLOCK_HZ,
            "ADC_MAX": ADC_MAX,
            "PWM_MAX": 255,
            "STATS_SUMSQ_BASE": 256,
            "STEPPER_BOTH_EDGE": 1,
        },
        "enumerations": {
            "pin": {"gpio0": [0, FIRST_ANALOG_PIN], "analog0": [FIRST_ANALOG_PIN, 8]},
            "static_string_id": {"Command request": SHUTDOWN_REASON},
        },
        "commands": {_IDENTIFY: 1} | {text: numbers[text] for text in _COMMANDS},
        "responses": {_IDENTIFY_RESPONSE: 0} | {text: numbers[text] for text in _RESPONSES},
    }


def write(path: Path) -> None:
    """Write the dictionary for a host in file-output mode."""
    path.write_text(json.dumps(dictionary()))
