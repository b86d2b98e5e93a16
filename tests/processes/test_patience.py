"""Slow clients and slow bridges: pages keep their threads, and what takes long shares a few among its visitors."""

import asyncio
import re

import instance
import pytest
from a2wsgi import WSGIMiddleware
from asgi import Client
from django.urls import get_resolver

from glassbed.foundation.instance import POOL
from glassbed.processes import patience, web
from glassbed.processes.patience import Lane, Pace, Stalled, answer, lanes, unhurried

UPLOAD = "/files/upload/"


def scope(path, session=""):
    cookie = [(b"cookie", f"other=1; {patience.SESSION}={session}".encode())] if session else []
    return {"type": "http", "path": path, "headers": cookie}


def whole():
    return Client({"type": "http.request", "body": b"", "more_body": False})


class Slow:
    """An application that works until it may end, and counts those in it."""

    def __init__(self):
        self.inside = []
        self.may_end = asyncio.Event()
        self.changed = asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.inside.append(scope)
        self.changed.set()
        await self.may_end.wait()
        await answer(send, 200, b"done")

    async def holds(self, count):
        while len(self.inside) < count:
            self.changed.clear()
            await self.changed.wait()


async def page(scope, receive, send):
    await answer(send, 200, b"page")


async def nothing_more_happens():
    for _ in range(20):
        await asyncio.sleep(0)


# -- lanes -----------------------------------------------------------------------------------------------------------


async def test_pages_are_served_while_every_thread_for_uploads_is_taken():
    slow = Slow()
    app = unhurried(page, slow, [Lane(UPLOAD, threads=2)])
    uploads = [asyncio.create_task(app(scope(UPLOAD, str(n)), c.receive, c.send)) for n, c in clients(3)]
    await slow.holds(2)
    visitor = whole()
    await app(scope("/privacy/"), visitor.receive, visitor.send)
    assert visitor.status == 200
    await nothing_more_happens()
    assert len(slow.inside) == 2
    slow.may_end.set()
    await asyncio.gather(*uploads)
    assert len(slow.inside) == 3


def clients(count):
    return enumerate(whole() for _ in range(count))


async def test_one_visitor_leaves_a_thread_to_the_others():
    slow = Slow()
    app = unhurried(page, slow, [Lane(UPLOAD, threads=3)])
    mine = [asyncio.create_task(app(scope(UPLOAD, "mine"), c.receive, c.send)) for _, c in clients(5)]
    await slow.holds(2)
    await nothing_more_happens()
    assert len(slow.inside) == 2
    theirs = asyncio.create_task(app(scope(UPLOAD, "theirs"), whole().receive, whole().send))
    await slow.holds(3)
    slow.may_end.set()
    await asyncio.gather(theirs, *mine)


async def test_who_finds_no_thread_in_time_is_told_when_to_come_back(monkeypatch):
    monkeypatch.setattr(patience, "TURN_S", 0.05)
    slow = Slow()
    lane = Lane(UPLOAD, threads=1)
    app = unhurried(page, slow, [lane])
    first = asyncio.create_task(app(scope(UPLOAD, "a"), whole().receive, whole().send))
    await slow.holds(1)
    second = whole()
    await app(scope(UPLOAD, "b"), second.receive, second.send)
    assert (second.status, second.headers[b"retry-after"]) == (503, b"60")
    slow.may_end.set()
    await first
    third = whole()
    await app(scope(UPLOAD, "b"), third.receive, third.send)  # nothing was kept from whoever gave up
    assert third.status == 200


async def test_a_visitor_that_is_gone_is_forgotten():
    lane = Lane(UPLOAD, threads=1)
    async with lane.turn("a"):
        assert list(lane._of_visitor) == ["a"]
    assert list(lane._of_visitor) == []


def test_every_view_that_waits_between_two_transactions_stands_in_a_lane():
    """A view that opens its purposes itself does so because it waits for a bridge or for a body, or asks twice."""
    asks_nobody = {"", "bridges/", "desk/", "privacy/choices/", "privacy/unsubscribe/<str:token>/"}
    asks_nobody.add("privacy/receipts/<uuid:decision_id>.json")
    waiting = {
        str(pattern.pattern)
        for pattern in get_resolver().url_patterns
        if not getattr(pattern.callback, "opens", True)
    }
    assert asks_nobody < waiting
    for route in waiting - asks_nobody:
        path = "/" + re.sub(r"<[^>]+>", "0199-aa", route)
        assert [lane.takes(path) for lane in lanes()].count(True) == 1, path


@pytest.mark.parametrize("path", ["/files/0199-aa/download", "/bridge/files/0199-aa", UPLOAD])
def test_files_stand_in_another_lane_than_the_orders_that_make_bridges_fetch_them(path):
    assert [lane.takes(path) for lane in lanes()] == [True, False]


@pytest.mark.parametrize("path", ["/", "/privacy/", "/files/", "/files/0199-aa/", "/printers/0199-aa/"])
def test_pages_stand_in_no_lane(path):
    assert not any(lane.takes(path) for lane in lanes())


def test_each_thread_can_have_a_connection_to_the_database():
    assert web.PAGE_THREADS + sum(lane.threads for lane in lanes()) <= POOL["max_size"]


def test_visitors_are_told_apart_by_the_cookie_that_django_sets():
    assert instance.settings.SESSION_COOKIE_NAME == patience.SESSION


# -- pace ------------------------------------------------------------------------------------------------------------


def part(size_bytes):
    return {"type": "http.request", "body": b"x" * size_bytes, "more_body": True}


async def wait_for(pace, seconds, size_bytes):
    async def step():
        await asyncio.sleep(seconds)
        return part(size_bytes)

    return await pace.wait(step())


async def test_a_drop_now_and_then_is_no_upload(monkeypatch):
    monkeypatch.setattr(patience, "STALL_S", 0.2)
    pace = Pace()

    async def drip():
        while True:
            await wait_for(pace, 0.05, 1)

    with pytest.raises(Stalled):
        await asyncio.wait_for(drip(), 10)


async def test_a_slow_line_that_keeps_moving_may_take_as_long_as_it_needs(monkeypatch):
    monkeypatch.setattr(patience, "STALL_S", 5.0)
    monkeypatch.setattr(patience, "SLOWEST_BYTES_S", 1)
    pace = Pace()
    for _ in range(30):  # used up what it had at first, were it not for what it sends
        pace._left_s -= 1.0
        await wait_for(pace, 0, 1)
    assert pace._left_s > 4.0


async def test_a_fast_start_does_not_pay_for_a_long_stall(monkeypatch):
    monkeypatch.setattr(patience, "STALL_S", 0.1)
    pace = Pace()
    await wait_for(pace, 0, 10 * patience.SLOWEST_BYTES_S)
    with pytest.raises(Stalled):
        await asyncio.wait_for(wait_for(pace, 30, 1), 10)


# -- threads ---------------------------------------------------------------------------------------------------------


async def test_a_reader_that_takes_nothing_gives_its_thread_back(monkeypatch):
    """The answer is larger than what may stand between thread and reader."""
    monkeypatch.setattr(patience, "STALL_S", 0.1)

    def endless(environ, start_response):
        start_response("200 OK", [])
        return (b"x" * 1000 for _ in range(200))

    slow = WSGIMiddleware(endless, workers=1)
    app = unhurried(page, slow, [Lane(r"/files/[^/]+/download", threads=1)])

    async def never(message):
        await asyncio.Event().wait()

    download = {**scope("/files/1/download"), "method": "GET", "query_string": b"", "http_version": "1.1"}
    with pytest.raises(Stalled):
        await asyncio.wait_for(app(download, whole().receive, never), 10)
    client = whole()
    await asyncio.wait_for(app(download, client.receive, client.send), 10)
    assert client.status == 200
    slow.executor.shutdown()
