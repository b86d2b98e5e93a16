"""A process has one bus, whichever of its threads asks first."""

import threading

import instance
import pytest

from glassbed.foundation import bus as buses

pytestmark = pytest.mark.integration
assert instance


def test_threads_that_ask_at_once_get_the_same_bus(servers, monkeypatch):
    """The first is still making it when the second asks."""
    made, second_came = [], threading.Event()

    class Slow(buses.Bus):
        def __init__(self, url):
            made.append(url)
            if len(made) > 1:
                second_came.set()
            second_came.wait(0.5)  # in vain, as long as the second waits for the first
            super().__init__(url)

    monkeypatch.setattr(buses, "_bus", None)
    monkeypatch.setattr(buses, "Bus", Slow)
    found = []
    threads = [threading.Thread(target=lambda: found.append(buses.bus())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found[0] is found[1]
