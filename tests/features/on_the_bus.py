"""The other ends of the real bus: somebody who overhears what is told, and a bridge that answers commands."""

import asyncio
import threading
from typing import Any, NamedTuple, Self
from uuid import UUID

import nats
from django.conf import settings

from glassbed.protocol import messages, subjects


class Said(NamedTuple):
    """What was published."""

    subject: str
    payload: bytes


class Overhearing:
    """Hears subjects from `with` on, in a thread of its own. `said` is whole once the block has ended."""

    def __init__(self, *listened: str) -> None:
        self.said: list[Said] = []
        self._listened = listened
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def named(self) -> list[str]:
        return [said.subject for said in self.said]

    async def _listen(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        client = await nats.connect(settings.INSTANCE.nats_url)

        async def hear(message: Any) -> None:
            self.said.append(Said(message.subject, message.data))
            if message.reply:
                await message.respond(await asyncio.to_thread(self.answer, message.data))

        for subject in self._listened:
            await client.subscribe(subject, cb=hear)
        await client.flush()
        self._ready.set()
        await self._stop.wait()
        await client.drain()

    def answer(self, payload: bytes) -> bytes:
        raise AssertionError("nobody asks here")


class ConnectedBridge(Overhearing):
    """A bridge as live hands it commands: it keeps each, and answers all with the same result."""

    def __init__(self, bridge: UUID, outcome: messages.Outcome, **result: Any) -> None:
        super().__init__(subjects.command(str(bridge)))
        self.commands: list[messages.Command] = []
        self._result = {"outcome": outcome, **result}

    def answer(self, payload: bytes) -> bytes:
        command = messages.decode_from_server(payload)
        self.commands.append(command)
        return messages.encode(messages.Result(id=command.id, **self._result))
