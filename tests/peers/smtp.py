"""A mail server on loopback that keeps what it is given. Enough of RFC 5321 for smtplib."""

import asyncio
import base64
import ssl
import threading
from typing import NamedTuple, Self


class Received(NamedTuple):
    """One mail as it came over the wire."""

    sender: str
    recipients: list[str]
    content: str


class Sink:
    """Listens from `with` on, within TLS if asked. `refuses` makes it turn every recipient away, as a full mailbox does."""

    def __init__(self, *, refuses: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.refuses = refuses
        self._tls = tls
        self.mails: list[Received] = []
        self.signed_in: list[list[str]] = []  # name and password, as they were said
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=self._tls), self._loop
        ).result(5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"{'smtps' if self._tls else 'smtp'}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _end(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = "", []
        writer.write(b"220 sink\r\n")
        while line := (await reader.readline()).decode():
            verb, _, rest = line.strip().partition(":")
            answer = "250 ok"
            match verb.upper().split()[0]:
                case "EHLO":
                    answer = "250-sink\r\n250 AUTH PLAIN"
                case "AUTH":
                    self.signed_in.append(base64.b64decode(line.split()[-1]).decode().split("\0")[1:])
                    answer = "235 welcome"
                case "MAIL":
                    sender, recipients = rest.split(">")[0].lstrip("< "), []
                case "RCPT" if self.refuses:
                    answer = "552 mailbox full"
                case "RCPT":
                    recipients.append(rest.split(">")[0].lstrip("< "))
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    content = (await reader.readuntil(b"\r\n.\r\n")).decode()
                    self.mails.append(Received(sender, recipients, content))
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()
        writer.close()
