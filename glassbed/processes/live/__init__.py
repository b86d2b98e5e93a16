"""What carries readings from bridges to browsers while somebody watches, and commands the other way."""

from glassbed.processes.live.app import PATHS, LiveApp
from glassbed.processes.live.socket import Close
from glassbed.processes.live.timing import Timing

__all__ = ["PATHS", "Close", "LiveApp", "Timing"]
