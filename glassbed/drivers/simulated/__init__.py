"""A printer that lives in the bridge's own process: for the demo, and to try Glassbed without a machine."""

from pathlib import Path

DEMO_FILE = Path(__file__).with_name("demo.gcode")
