import asyncio
import threading

import nats
import people
import pytest
from django.conf import settings

from glassbed.foundation import bus as buses
from glassbed.foundation.bus import Bus, tell_after_commit
from glassbed.foundation.purpose import purpose
from glassbed.protocol.errors import Unavailable

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def bus():
    """The process's own connection."""
    return buses.bus()


class Listener:
    """Somebody else on the bus, in a thread: answers with what it hears, turned round."""

    def __init__(self, subject, *, answers=True):
        self.heard = []
        self._answers = answers
        self._subject = subject
        self._ready = threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    async def _listen(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        client = await nats.connect(settings.INSTANCE.nats_url)

        async def hear(message):
            self.heard.append((message.subject, message.data))
            if message.reply and self._answers:
                await message.respond(message.data[::-1])

        await client.subscribe(self._subject, cb=hear)
        await client.flush()
        self._ready.set()
        await self._stop.wait()
        await client.drain()


def test_a_request_gets_its_answer(bus):
    with Listener("test.turn"):
        assert bus.request("test.turn", b"abc", timeout_s=2) == b"cba"


def test_what_is_published_is_heard(bus):
    with Listener("test.said") as listener:
        bus.publish("test.said", b"hello")
    assert listener.heard == [("test.said", b"hello")]


def test_nobody_listening_is_known_at_once(bus):
    with pytest.raises(Unavailable):
        bus.request("test.nobody", b"", timeout_s=30)


def test_nobody_answering_is_known_in_time(bus):
    with Listener("test.slow", answers=False), pytest.raises(Unavailable):
        bus.request("test.slow", b"", timeout_s=0.1)


def test_many_threads_share_one_connection(bus):
    answers = []
    with Listener("test.turn"):
        threads = [
            threading.Thread(
                target=lambda n=n: answers.append(bus.request("test.turn", b"%d0" % n, timeout_s=5))
            )
            for n in range(1, 9)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers) == [b"0%d" % n for n in range(1, 9)]


def test_all_who_come_before_the_first_connection_is_there_share_it(monkeypatch):
    """They come in one turn of the loop, so that none can find the connection of another made."""
    connect, made = nats.connect, []

    async def counted(*args, **options):
        made.append(await connect(*args, **options))
        return made[-1]

    fresh = Bus(settings.INSTANCE.nats_url)

    async def together():
        await asyncio.gather(*(fresh._publish("test.said", b"%d" % n) for n in range(8)))

    async def leave():
        for client in made:
            await client.close()

    with Listener("test.said") as listener:
        monkeypatch.setattr(nats, "connect", counted)
        fresh._run(together(), 10)
    fresh._run(leave(), 10)
    assert sorted(payload for _subject, payload in listener.heard) == [b"%d" % n for n in range(8)]
    assert len(made) == 1


def test_a_bus_that_is_not_there_is_unavailable(monkeypatch):
    monkeypatch.setattr(buses, "CONNECT_TIMEOUT_S", 0.3)
    away = Bus("nats://127.0.0.1:1")
    with pytest.raises(Unavailable):
        away.publish("test.said", b"")


def test_what_is_told_after_a_commit_is_not_told_after_a_rollback():
    person = people.make_person().pk
    with Listener("test.told") as listener:
        with pytest.raises(ZeroDivisionError), purpose("account", person=person):
            tell_after_commit("test.told", b"never")
            raise ZeroDivisionError
        with purpose("account", person=person):
            tell_after_commit("test.told", b"once")
            assert listener.heard == []
    assert listener.heard == [("test.told", b"once")]


def test_a_bus_that_is_down_does_not_undo_what_is_committed(monkeypatch):
    from glassbed.features.accounts.models import Profile

    def down():
        raise Unavailable

    monkeypatch.setattr(buses, "bus", down)
    person = people.make_person().pk
    with purpose("account", person=person):
        Profile.objects.filter(person=person).update(display_name="Anna")
        tell_after_commit("test.told")
    with purpose("account", person=person):
        assert Profile.objects.get(person=person).display_name == "Anna"
