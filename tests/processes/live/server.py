"""One live process for the tests: granian on a loopback port, in the process itself as in `web`. Not a test."""

import asyncio
import logging
import os
import signal
import sys

from granian.constants import Interfaces
from granian.server.embed import Server

from glassbed.processes.live import LiveApp, Timing


async def serve(port):
    live = LiveApp(
        nats_url=os.environ["NATS_URL"],
        secret=b"k" * 32,
        origins=frozenset({"https://glassbed.test"}),
        timing=Timing(
            **{
                name: float(value)
                for name, value in (pair.split("=") for pair in os.environ["TIMING"].split())
            }
        ),
    )
    server = Server(live, port=port, interface=Interfaces.ASGI, log_enabled=False)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve()


if __name__ == "__main__":
    logging.basicConfig(level="WARNING")
    asyncio.run(serve(int(sys.argv[1])))
