"""Record what a real Moonraker says in some scenes, for test_conversation.py.

    PYTHONPATH=tests python -m drivers.moonraker.record

Kept: every frame to us, but for Moonraker's statistics of its machine. An entry "poll" marks where we
asked on our own. Folders of the machine that recorded are replaced.
"""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from drivers.moonraker import prints
from peers import cache
from peers.moonraker import Moonraker, moonraker

from glassbed.drivers.interface import Upload
from glassbed.drivers.moonraker import driver as driver_module
from glassbed.drivers.moonraker.conversation import Conversation
from glassbed.drivers.moonraker.driver import MoonrakerDriver

FOLDER = Path(__file__).with_name("recorded")


class Recording(Conversation):
    """A conversation that keeps what it hears."""

    entries: list[Any]

    def receive(self, frame: bytes | str) -> list[str]:
        heard = json.loads(frame)
        if heard.get("method") != "notify_proc_stat_update":
            self.entries.append(heard)
        return super().receive(frame)

    def poll(self) -> list[str]:
        asked = super().poll()
        self.entries.extend(["poll"] * len(asked))
        return asked


async def printed(host: Moonraker, driver: MoonrakerDriver) -> None:
    await _print(driver, prints.sliced(3, 8))
    await asyncio.sleep(12)


async def cancelled(host: Moonraker, driver: MoonrakerDriver) -> None:
    await _print(driver, prints.plain(300))
    for order in ("pause", "resume", "cancel"):
        await asyncio.sleep(1)
        await asyncio.to_thread(host.ask, f"/printer/print/{order}", {})
    await asyncio.sleep(1)


async def failed(host: Moonraker, driver: MoonrakerDriver) -> None:
    await _print(driver, prints.FAILING)
    await asyncio.sleep(2)


async def stopped(host: Moonraker, driver: MoonrakerDriver) -> None:
    await _print(driver, prints.plain(300))
    await asyncio.sleep(1)
    await driver.emergency_stop()
    await asyncio.sleep(1)
    await driver.restart()
    await asyncio.to_thread(host.settle)
    await asyncio.sleep(1)


async def abandoned(host: Moonraker, driver: MoonrakerDriver) -> None:
    await _print(driver, prints.plain(300))
    await asyncio.sleep(1)
    host.kill_klippy()
    await asyncio.sleep(2)
    host.start_klippy()
    await asyncio.to_thread(host.await_state, host.klippy_state, "ready")
    await asyncio.sleep(1)


async def _print(driver: MoonrakerDriver, content: bytes) -> None:
    async def chunks():
        yield content

    await driver.print(Upload(name="Würfel 1.gcode", size_bytes=len(content), chunks=chunks()))


async def record(host: Moonraker, scene: Callable[[Moonraker, MoonrakerDriver], Awaitable[None]]) -> None:
    Recording.entries = []
    async with aiohttp.ClientSession() as session:
        driver = MoonrakerDriver(host.address, host.key, session)

        async def follow() -> None:
            async for _ in driver.readings():
                pass

        following = asyncio.create_task(follow())
        await asyncio.sleep(1)
        await scene(host, driver)
        following.cancel()
    text = "[\n" + ",\n".join(json.dumps(e, ensure_ascii=False) for e in Recording.entries) + "\n]\n"
    for folder in (
        host.folder,
        cache.environment("kalico", Path(cache.__file__).with_name("kalico.txt")).parent,
    ):
        text = text.replace(str(folder), "/home/printer")
    (FOLDER / f"{scene.__name__}.json").write_text(text)


def main() -> None:
    driver_module.Conversation = Recording
    with tempfile.TemporaryDirectory() as folder, moonraker(Path(folder)) as host:
        for scene in (printed, cancelled, failed, stopped, abandoned):
            asyncio.run(record(host, scene))
            host.settle()


if __name__ == "__main__":
    main()
