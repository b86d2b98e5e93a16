"""The state of a printer at one moment, the same words for every make.

A `Reading` is complete; what travels is a delta (`difference`), merged again with `merge`.
Units stand in the names. `None` means that the printer does not say.
"""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """What a printer is doing, as a person would say it."""

    OFFLINE = "offline"  # the host does not answer
    REFUSED = "refused"  # the host answers, but does not accept the key
    STARTING = "starting"  # the host answers, the printer behind it is not ready yet
    READY = "ready"
    SENDING = "sending"  # the bridge is handing a file to the host
    PRINTING = "printing"
    PAUSING = "pausing"
    PAUSED = "paused"
    RESUMING = "resuming"
    CANCELLING = "cancelling"
    ERROR = "error"  # the printer or its firmware reports a fault
    STOPPED = "stopped"  # emergency stop or firmware shutdown; needs a restart of the firmware


BUSY = frozenset(
    {State.SENDING, State.PRINTING, State.PAUSING, State.PAUSED, State.RESUMING, State.CANCELLING}
)
"""States in which a job is under way."""

REACHABLE = frozenset(State) - {State.OFFLINE, State.REFUSED}


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One complete reading of a printer."""

    state: State
    message: str | None = None  # the host's own words on an error or a wait
    file_name: str | None = None  # of the job under way
    print_id: str | None = None  # our id of that job, set by the bridge
    progress_ratio: float | None = None  # 0..1 of the job
    transfer_ratio: float | None = None  # 0..1 of the file, while it is sent to the host
    layer: int | None = None  # counted from 1
    layers: int | None = None
    height_mm: float | None = None
    elapsed_s: int | None = None  # printing time of the job, pauses left out
    left_s: int | None = None
    filament_mm: float | None = None  # used by the job so far
    nozzle_c: float | None = None
    nozzle_target_c: float | None = None
    bed_c: float | None = None
    bed_target_c: float | None = None
    chamber_c: float | None = None
    fan_ratio: float | None = None  # 0..1
    speed_ratio: float | None = None  # 1 = as sliced


FIELDS: tuple[str, ...] = Reading.__struct_fields__
_DECIMALS = {
    name: 3 if name.endswith("_ratio") else 1 for name in FIELDS if name.endswith(("_ratio", "_c", "_mm"))
}


def rounded(reading: Reading) -> Reading:
    """Round to what a person can use: 0.1 °C, 0.1 mm, 0.1 %. Keeps noise off the wire."""
    changes = {
        name: round(value, digits)
        for name, digits in _DECIMALS.items()
        if (value := getattr(reading, name)) is not None
    }
    return msgspec.structs.replace(reading, **changes)


def difference(before: Reading | None, after: Reading) -> dict[str, object]:
    """Fields of `after` that differ from `before`; without `before`, all that are known."""
    if before is None:
        return {name: value for name in FIELDS if (value := getattr(after, name)) is not None}
    return {name: value for name in FIELDS if (value := getattr(after, name)) != getattr(before, name)}


def merge(before: Reading | None, delta: dict[str, object]) -> Reading:
    """Apply a delta.

    Raises `msgspec.ValidationError` on a field that is unknown, of the wrong type, or missing at first.
    """
    fields = {} if before is None else msgspec.structs.asdict(before)
    unknown = delta.keys() - set(FIELDS)
    if unknown:
        raise msgspec.ValidationError(f"unknown fields {sorted(unknown)}")
    return msgspec.convert({**fields, **delta}, Reading)
