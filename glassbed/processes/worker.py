"""The worker: what has to be done again and again, each in its own rhythm, in one plain loop."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from glassbed.foundation import log
from glassbed.foundation.setup import close_the_ways_out, setup_django

logger = logging.getLogger(__name__)


class Chore(NamedTuple):
    """Something to do every so often. It opens its own purposes and returns how much it did."""

    name: str
    every_s: float
    do: Callable[[], int]


def chores() -> list[Chore]:
    """Everything the worker does: a literal list."""
    from glassbed.features.trust.verification import verify_controls
    from glassbed.foundation import ledger, mail
    from glassbed.web.tidying import sweep_blobs, tidy

    return [
        Chore("seal_ledger", 1, ledger.seal),
        Chore("deliver_mail", 2, mail.deliver_waiting),
        Chore("verify_controls", 3600, verify_controls),
        Chore("tidy", 3600, tidy),
        Chore("sweep_blobs", 3600, sweep_blobs),
    ]


def main(argv: list[str]) -> int:
    if argv:
        print("glassbed worker takes no arguments")
        return 2
    setup_django("worker")
    close_the_ways_out()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    work(chores(), stopping)
    return 0


def work(todo: list[Chore], stopping: threading.Event) -> None:
    """Do each chore when it is due, until told to stop."""
    log.event(logger, "worker_started")
    due = dict.fromkeys((chore.name for chore in todo), 0.0)
    while not stopping.is_set():
        for chore in todo:
            if due[chore.name] <= time.monotonic():
                _do(chore)
                due[chore.name] = time.monotonic() + chore.every_s
        stopping.wait(max(0.05, min(due.values()) - time.monotonic()))


def _do(chore: Chore) -> None:
    try:
        done = chore.do()
    except Exception:  # a process loop: one chore that fails must not end the others
        logger.exception("chore_failed")
        return
    if done:
        log.event(logger, chore.name, level=logging.DEBUG, count=done)
