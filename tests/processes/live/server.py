"""One live process for the tests: granian on a loopback port. Not a test."""

import logging
import os
import sys

from granian import Granian

from glassbed.processes.live import LiveApp, Timing

logging.basicConfig(level="WARNING")

app = LiveApp(
    nats_url=os.environ["NATS_URL"],
    secret=b"k" * 32,
    origins=frozenset({"https://glassbed.test"}),
    timing=Timing(
        **{name: float(value) for name, value in (pair.split("=") for pair in os.environ["TIMING"].split())}
    ),
)

if __name__ == "__main__":
    Granian(f"{__file__}:app", port=int(sys.argv[1]), interface="asgi", log_level="warning").serve()
