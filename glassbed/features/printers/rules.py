"""Who may do what with a printer, and in which state. Pure."""

from typing import NamedTuple

from glassbed.policy.binding import Level
from glassbed.protocol import messages
from glassbed.protocol.errors import NotAllowed
from glassbed.protocol.reading import BUSY, State

LEASE_S = 8.0
"""A command that did not reach the printer by then never will."""


class Control(NamedTuple):
    """A command that a person may give: its order, the states it fits, and the level it needs."""

    order: type[
        messages.Pause | messages.Resume | messages.Cancel | messages.EmergencyStop | messages.Restart
    ]
    expects: tuple[State, ...]
    level: Level = Level.OPERATOR


CONTROLS: dict[str, Control] = {
    "pause": Control(messages.Pause, (State.PRINTING,)),
    "resume": Control(messages.Resume, (State.PAUSED,)),
    "cancel": Control(messages.Cancel, tuple(sorted(BUSY))),
    "emergency_stop": Control(messages.EmergencyStop, ()),
    "restart": Control(messages.Restart, (State.STOPPED, State.ERROR, State.STARTING)),
}

PRINT_EXPECTS = (State.READY,)


def require(level: Level, needed: Level) -> None:
    """Raise `NotAllowed` when `level` is not enough."""
    if level < needed:
        raise NotAllowed
