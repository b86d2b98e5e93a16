"""The tie of a child to its supervisor: on Linux the kernel ends it when the supervisor is killed."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(sig: int = signal.SIGTERM) -> Callable[[], None] | None:
    """What a new child calls before it runs its program; nothing on other systems.

    The kernel watches the thread that started the child, so start children from the main thread.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, sig)
        if os.getppid() != parent:  # it died in between
            os.kill(os.getpid(), sig)

    return in_child
