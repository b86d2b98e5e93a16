"""Driver of the simulated printer: `simulated://NAME?speed=60`, where `speed` is how fast its time passes.

`fault_at=0.4` lets the firmware report a fault at 40 % of each print, `answers=no` is a host that is off.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import Any, ClassVar, cast
from urllib.parse import parse_qs, urlsplit

from glassbed import __version__
from glassbed.drivers.interface import Capability, Driver, HostUnreachable, Upload
from glassbed.drivers.simulated.machine import Machine
from glassbed.drivers.simulated.program import StoredFile
from glassbed.protocol.messages import HostFacts
from glassbed.protocol.reading import Reading

_INTERVAL_S = 0.5
_SHORTEST_INTERVAL_S = 0.25
_KEPT_IN_MEMORY_BYTES = 256 * 1024
_SPEEDS = (0.1, 1000.0)

MACHINES: dict[str, Machine] = {}
"""Every printer of this process by name; a new connection finds the printer as the last one left it."""


class SimulatedDriver(Driver):
    name = "simulated"
    title = "Simulated printer"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability)
    needs_key = False

    async def facts(self) -> HostFacts:
        machine = self._machine()
        return HostFacts(
            software=f"Glassbed simulation {__version__}",
            firmware="Simulated Marlin 2.1",
            model="Simulated bed slinger, 250 x 210 x 210 mm",
            hostname=machine.name,
            can=tuple(self.capabilities),
        )

    async def readings(self) -> AsyncIterator[Reading]:
        while True:
            reading = self._machine().reading()
            yield reading
            for _ in range(int(_INTERVAL_S / _SHORTEST_INTERVAL_S)):
                await asyncio.sleep(_SHORTEST_INTERVAL_S)
                machine = self._machine()
                machine.catch_up()
                if machine.state is not reading.state:
                    break

    async def print(self, upload: Upload) -> None:
        machine = self._machine()
        machine.check_free()
        content = tempfile.SpooledTemporaryFile(max_size=_KEPT_IN_MEMORY_BYTES)  # noqa: SIM115 -- the machine closes it
        file = StoredFile(upload.name, cast("Any", content))
        try:
            async for chunk in upload.chunks:
                self._machine()
                file.append(chunk)
            self._machine().start(file)
        except BaseException:
            file.close()
            raise

    async def pause(self) -> None:
        self._machine().pause()

    async def resume(self) -> None:
        self._machine().resume()

    async def cancel(self) -> None:
        self._machine().cancel()

    async def emergency_stop(self) -> None:
        self._machine().stop()

    async def restart(self) -> None:
        self._machine().restart()

    def _machine(self) -> Machine:
        """Find the printer, or raise `HostUnreachable`."""
        parts = urlsplit(self.address)
        wishes = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        name = parts.netloc
        if parts.scheme != "simulated" or not name or wishes.get("answers") == "no":
            raise HostUnreachable
        machine = MACHINES.get(name) or MACHINES.setdefault(name, Machine(name))
        try:
            machine.speed = min(max(float(wishes.get("speed", "1")), _SPEEDS[0]), _SPEEDS[1])
            machine.fault_at_ratio = float(wishes["fault_at"]) if "fault_at" in wishes else None
        except ValueError as error:
            raise HostUnreachable(
                "The address of a simulated printer is like simulated://demo?speed=60."
            ) from error
        if not machine.answers:
            raise HostUnreachable
        return machine
