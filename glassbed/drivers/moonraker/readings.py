"""From Klipper's printer objects to a reading. Pure."""

from pathlib import PurePosixPath

import msgspec

from glassbed.drivers.moonraker.wire import Status, one_line
from glassbed.protocol.reading import Reading, State

ENOUGH_PROGRESS_RATIO = 0.02
"""Before this much of a file, a time left reckoned from it would mislead."""
_NAME_LIMIT = 255

RUNNING = frozenset({"printing", "paused"})
"""States of `print_stats` in which a print is under way."""
ENDED = frozenset({"complete", "cancelled", "error"})
"""States of `print_stats` that a print leaves behind."""

_RUNNING_STATES = {"printing": State.PRINTING, "paused": State.PAUSED}
_TRANSITIONS = {State.PAUSING: {"printing"}, State.RESUMING: {"paused"}, State.CANCELLING: RUNNING}
_KLIPPER_STATES = {
    "startup": State.STARTING,
    "disconnected": State.STARTING,
    "error": State.ERROR,
    "shutdown": State.STOPPED,
}
_OUR_WORDS = {
    "startup": "Klipper, the program that drives the printer, is starting.",
    "disconnected": "Klipper, the program that drives the printer, is not running.",
}


def not_ready(state: str, words: str, seen: Status) -> Reading:
    """Read a printer whose Klipper is not ready."""
    return _reading(
        _KLIPPER_STATES.get(state, State.STARTING), seen, one_line(words) or _OUR_WORDS.get(state)
    )


def ready(seen: Status, under_way: State | None = None, estimated_s: float | None = None) -> Reading:
    """Read a printer whose Klipper is ready; `under_way` is what we asked for and is not done yet."""
    stats = seen.print_stats
    state = _RUNNING_STATES.get(stats.state)
    if state is None:
        failure = one_line(stats.message) if stats.state == "error" else None
        return _reading(State.READY, seen, failure)
    if under_way and stats.state in _TRANSITIONS.get(under_way, ()):
        state = under_way
    return _with_job(_reading(state, seen, one_line(stats.message)), seen, estimated_s)


def end_of_print(seen: Status, before: Reading | None) -> list[Reading]:
    """Return the readings with which a print says good-bye, from how `print_stats` says it ended.

    PRINTING with all of the progress: completed. CANCELLING: cancelled, wherever. ERROR: failed.
    `before` is the print's last reading; without it, it was over between two updates.
    """
    stats = seen.print_stats
    last = before or _with_job(_reading(State.PRINTING, seen, None), seen, None)
    if stats.state == "complete":
        done = _with_job(_reading(State.PRINTING, seen, None), seen, None)
        return [msgspec.structs.replace(done, progress_ratio=1.0, left_s=0)]
    if stats.state == "error":
        return [*([] if before else [last]), _reading(State.ERROR, seen, one_line(stats.message))]
    return [msgspec.structs.replace(last, state=State.CANCELLING, left_s=None)]


def abandoned() -> Reading:
    """Return the reading after a print whose Klipper died under it."""
    words = "Klipper, the program that drives the printer, ended in the middle of the print."
    return Reading(state=State.ERROR, message=words)


def _reading(state: State, seen: Status, message: str | None) -> Reading:
    return Reading(
        state=state,
        message=message,
        nozzle_c=seen.nozzle.temperature,
        nozzle_target_c=seen.nozzle.target,
        bed_c=seen.heater_bed.temperature,
        bed_target_c=seen.heater_bed.target,
        chamber_c=seen.chamber.temperature,
        fan_ratio=_ratio(seen.fan.speed),
        speed_ratio=seen.gcode_move.speed_factor,
    )


def _with_job(reading: Reading, seen: Status, estimated_s: float | None) -> Reading:
    stats, position = seen.print_stats, seen.gcode_move.gcode_position
    progress = _ratio(seen.virtual_sdcard.progress) or 0.0
    return msgspec.structs.replace(
        reading,
        file_name=PurePosixPath(stats.filename).name[:_NAME_LIMIT] or None,
        progress_ratio=progress,
        layer=stats.info.current_layer or None,  # 0 before the first
        layers=stats.info.total_layer or None,
        height_mm=position[2] if len(position) > 2 else None,  # noqa: PLR2004 -- x, y, z, e
        elapsed_s=_seconds(stats.print_duration),
        left_s=_left_s(stats.print_duration, progress, estimated_s),
        filament_mm=max(0.0, stats.filament_used),
    )


def _left_s(elapsed_s: float, progress: float, estimated_s: float | None) -> int | None:
    """Reckon the time left: the slicer's estimate while it lasts, else from the progress in the file."""
    if estimated_s and estimated_s > elapsed_s:
        return _seconds(estimated_s - elapsed_s)
    if progress < ENOUGH_PROGRESS_RATIO or elapsed_s <= 0:
        return None
    return _seconds(elapsed_s * (1 - progress) / progress)


def _seconds(value: float) -> int:
    return int(min(max(0.0, value), 1e9))


def _ratio(value: float | None) -> float | None:
    return None if value is None else min(1.0, max(0.0, value))
