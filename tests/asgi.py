"""Somebody at the other end of an ASGI application, without a server in between."""

import asyncio


class Client:
    """Gives the messages it has, then nothing for ever; keeps what it is answered."""

    def __init__(self, *messages):
        self.messages = list(messages)
        self.answers = []

    async def receive(self):
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)

    async def send(self, message):
        self.answers.append(message)

    @property
    def status(self):
        return self.answers[0]["status"]

    @property
    def headers(self):
        return dict(self.answers[0]["headers"])
