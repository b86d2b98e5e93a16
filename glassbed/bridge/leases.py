"""Whether a command still holds: for a printer of ours, in time, for the first time, in the expected state.

Pure but for `Seen`, which remembers on disk what was received, so that a restart changes nothing.
Replays refused here have happened elsewhere: prints started again by repeated start messages (2023).
"""

from collections.abc import Collection

import msgspec

from glassbed.bridge.home import Home
from glassbed.protocol.messages import Command, Print
from glassbed.protocol.reading import State

LONGEST_S = 600.0
"""A lease that claims to hold longer is refused: its id would have to be remembered for as long."""

_REMEMBERED_PRINTS = 1000
_MARGIN_S = 60.0  # the next connect may measure the clock a little differently


class _Record(msgspec.Struct):
    commands: dict[str, float]  # id → when it expires
    prints: list[str]  # oldest first


class Seen:
    """Ids of received commands until they expire, and of started prints for good measure much longer."""

    def __init__(self, home: Home) -> None:
        self._home = home
        content = home.read("leases.json")
        self._record = _Record({}, []) if content is None else msgspec.json.decode(content, type=_Record)

    @property
    def commands(self) -> Collection[str]:
        return self._record.commands.keys()

    @property
    def prints(self) -> Collection[str]:
        return self._record.prints

    def note(self, command: Command, now: float) -> None:
        """Remember a command before it is carried out; forget those that are late by now anyway."""
        kept = {id_: expires for id_, expires in self._record.commands.items() if expires >= now - _MARGIN_S}
        kept[command.id] = command.expires_at
        prints = self._record.prints
        if isinstance(command.order, Print):
            prints = [*prints, command.order.print_id][-_REMEMBERED_PRINTS:]
        self._record = _Record(kept, prints)
        self._home.write("leases.json", msgspec.json.encode(self._record))


def refusal(
    command: Command, *, now: float, state: State, seen: Collection[str], prints: Collection[str]
) -> str | None:
    """Say why this command must not be carried out, in words for the person, or nothing if it holds.

    `now` is the server's clock as measured at connect, never this machine's own.
    """
    if command.id in seen:
        return "This command was received before. It is not carried out twice."
    if isinstance(command.order, Print) and command.order.print_id in prints:
        return "This print was started before. It is not started twice."
    if command.expires_at < now:
        return f"The command came {_ago(now - command.expires_at)} too late and was not carried out."
    if command.expires_at - now > LONGEST_S:
        return "The command claims to hold for longer than commands may. It was not carried out."
    if command.expects and state not in command.expects:
        return f"The printer is {state} by now. The command was not carried out."
    return None


def _ago(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 -- one decimal while it matters
