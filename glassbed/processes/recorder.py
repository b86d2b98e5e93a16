"""The recorder: answers `record.event` after COMMIT, so that a bridge forgets only what is kept.

Single events run in transactions of their own; trace chunks are gathered for a moment and written in one.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import msgspec
import nats
from nats.aio.msg import Msg  # noqa: TC002 -- annotations of a queue are read at run time by nobody, but kept plain

from glassbed.foundation import log
from glassbed.foundation.setup import close_the_ways_out, setup_django
from glassbed.protocol import messages, subjects

logger = logging.getLogger(__name__)
_to_record = msgspec.json.Decoder(subjects.ToRecord)
GATHER_S = 0.05
GATHER_LIMIT = 500
Answer = messages.Kept | messages.Dropped | None
NEVER = "This event will not be kept: its printer is not this bridge's, or its history is off."


def main(argv: list[str]) -> int:
    if argv:
        print("glassbed recorder takes no arguments")
        return 2
    setup_django("recorder")
    close_the_ways_out()
    asyncio.run(record())
    return 0


async def record() -> None:
    """Record until SIGTERM or SIGINT."""
    from django.conf import settings

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    client = await nats.connect(
        settings.INSTANCE.nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.5
    )
    waiting: asyncio.Queue[Msg] = asyncio.Queue(4 * GATHER_LIMIT)
    await client.subscribe(subjects.RECORD_EVENT, queue=subjects.RECORDERS, cb=waiting.put)
    log.event(logger, "recorder_started")
    writing = asyncio.create_task(_write(waiting))
    await stopping.wait()
    await client.drain()
    writing.cancel()


async def _write(waiting: "asyncio.Queue[Msg]") -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="recorder") as thread:
        while True:
            batch = [await waiting.get()]
            await asyncio.sleep(GATHER_S)
            while not waiting.empty() and len(batch) < GATHER_LIMIT:
                batch.append(waiting.get_nowait())
            answers = await loop.run_in_executor(thread, _keep, [message.data for message in batch])
            for message, answer in zip(batch, answers, strict=True):
                if answer is not None:
                    await message.respond(messages.encode(answer))


def _keep(payloads: list[bytes]) -> list[Answer]:
    """Write a batch; None where the event stays unanswered, so that the bridge sends it again."""
    answers: list[Answer] = [None] * len(payloads)
    chunks: list[tuple[int, subjects.ToRecord]] = []
    for index, payload in enumerate(payloads):
        try:
            asked = _to_record.decode(payload)
        except msgspec.DecodeError:
            log.event(logger, "not_an_event", level=logging.WARNING)
            continue
        if isinstance(asked.event.what, messages.TraceChunk):
            chunks.append((index, asked))
        else:
            answers[index] = _attempt(_keep_one, asked)
    for (index, _), answer in zip(chunks, _keep_chunks([asked for _, asked in chunks]), strict=True):
        answers[index] = answer
    return answers


def _keep_chunks(asked: list[subjects.ToRecord]) -> list[Answer]:
    """Write chunks in one statement; if one of them can't be stored, each by itself, so that it alone is refused."""
    from django.db import DataError, IntegrityError

    from glassbed.features.traces.recording import keep_chunks

    if not asked:
        return []
    try:
        kept = keep_chunks(asked)
    except (DataError, IntegrityError):
        if len(asked) == 1:
            return [_answer(asked[0], is_kept=False)]
        return [answer for item in asked for answer in _keep_chunks([item])]
    except Exception:  # a process loop: the events stay unanswered and come again
        logger.exception("chunks_failed")
        return [None] * len(asked)
    return [_answer(item, is_kept=item.event.id in kept) for item in asked]


def _attempt(work: Callable[[subjects.ToRecord], Answer], asked: subjects.ToRecord) -> Answer:
    from django.db import DataError, IntegrityError

    try:
        return work(asked)
    except (DataError, IntegrityError):  # it can never be stored: the bridge may forget it
        log.event(logger, "event_refused", level=logging.WARNING)
        return _answer(asked, is_kept=False)
    except Exception:  # a process loop: the event stays unanswered and comes again
        logger.exception("event_failed")
        return None


def _keep_one(asked: subjects.ToRecord) -> messages.Kept | messages.Dropped:
    from glassbed.features.jobs import recording as jobs
    from glassbed.features.printers import recording as printers
    from glassbed.features.printers.models import Printer
    from glassbed.foundation.purpose import purpose

    with purpose("recording"):
        printer = Printer.objects.filter(
            pk=asked.event.printer, bridge=UUID(asked.bridge), keep_history=True
        ).first()
        if printer is None:
            return _answer(asked, is_kept=False)
        is_kept = True
        match asked.event.what:
            case messages.PrintStarted() as started:
                jobs.print_started(printer, started)
            case messages.PrintEnded() as ended:
                is_kept = jobs.print_ended(printer, ended)
            case messages.Connected() as report:
                printers.connected(printer, report)
            case messages.Disconnected() as report:
                printers.disconnected(printer, report)
            case messages.Fault() as report:
                printers.faulted(printer, report)
    return _answer(asked, is_kept=is_kept)


def _answer(asked: subjects.ToRecord, *, is_kept: bool) -> messages.Kept | messages.Dropped:
    if is_kept:
        return messages.Kept(id=asked.event.id)
    return messages.Dropped(id=asked.event.id, reason=NEVER)
