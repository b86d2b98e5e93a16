"""Every driver there is: a literal dict, no plugin magic."""

from glassbed.drivers.interface import Driver
from glassbed.drivers.moonraker.driver import MoonrakerDriver
from glassbed.drivers.octoprint.driver import OctoPrintDriver
from glassbed.drivers.simulated.driver import SimulatedDriver

DRIVERS: dict[str, type[Driver]] = {
    "moonraker": MoonrakerDriver,
    "octoprint": OctoPrintDriver,
    "simulated": SimulatedDriver,
}
