"""Files on their way in: dropped, watched, cancelled half-way, and refused in words. Nothing half stored stays."""

import re
import time

import pytest
from journeys import steps
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

SLOW_BYTES_S = 500_000
MOVES = 500_000
"""About 14 MB: at this speed half a minute, enough to see it travel and to change one's mind."""
SOON_S = 15


@pytest.fixture
def person(visit):
    somebody = visit()
    somebody.sign_up(f"upload-{time.time_ns()}@glassbed.example")
    somebody.open("/files/")
    expect(somebody.page.locator("[data-upload-plain]")).to_be_hidden()
    return somebody


def drop(person, *files):
    """Drop files from the desktop onto the page: the browser's own drag and drop, not a made-up event."""
    zone = person.page.locator("[data-upload]")
    zone.evaluate(
        "zone => zone.scrollIntoView({block: 'center'})"
    )  # pointers don't reach what is scrolled away
    box = zone.bounding_box()
    session = person.context.new_cdp_session(person.page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + box["width"] / 2,
                "y": box["y"] + box["height"] / 2,
                "data": {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1},
            },
        )
    session.detach()


def slow_down(person, bytes_s):
    session = person.context.new_cdp_session(person.page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_s}
    session.send("Network.emulateNetworkConditions", limits)


def stored(product):
    return {path for path in (product.home / "blobs").rglob("*") if path.is_file()}


def await_that(condition, what):
    limit = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.05)


def progress(page):
    return page.locator("[data-upload-progress] progress").evaluate("(bar) => bar.value")


def test_a_dropped_file_shows_its_progress_and_leaves_nothing_when_it_is_cancelled(person, product, tmp_path):
    page, before = person.page, stored(product)
    vase = tmp_path / "vase.gcode"
    vase.write_bytes(steps.gcode(MOVES))
    slow_down(person, SLOW_BYTES_S)
    drop(person, vase)
    expect(page.locator("[data-upload-name]")).to_have_text("vase.gcode")
    expect(page.locator("[data-upload-amount]")).to_have_text(re.compile(r"^[1-9].* of .* MB$"))
    person.look("upload-under-way")
    half_way = progress(page)
    assert 0 < half_way < 1
    page.wait_for_function(
        "(was) => document.querySelector('[data-upload-progress] progress').value > was", arg=half_way
    )
    await_that(lambda: stored(product) - before, "the bytes are on their way to the disk")
    person.press("Cancel")
    expect(page.locator("[data-upload-progress]")).to_be_hidden()
    await_that(lambda: stored(product) == before, "nothing is stored")
    person.open("/files/")
    expect(page.get_by_text("No files yet")).to_be_visible()

    slow_down(person, -1)
    vase.write_bytes(steps.gcode(50))
    drop(person, vase)
    page.wait_for_url(re.compile("/files/[0-9a-f-]{36}/$"))
    expect(page.get_by_role("heading", name="vase.gcode")).to_be_visible()


def test_what_is_wrong_with_a_dropped_file_is_said_and_nothing_of_it_is_stored(person, product, tmp_path):
    page, before = person.page, stored(product)
    person.expects("status of 422")
    said = page.locator("[data-upload-error]")
    whole = (
        steps.gcode(200) + b"; prusaslicer_config = begin\n; layer_height = 0.2\n; prusaslicer_config = end\n"
    )
    for name, content, words in (
        ("photo.gcode", b"\x89PNG\r\n\x1a\n" + bytes(5_000), "a picture, not G-code"),
        ("notes.gcode", b"buy filament\n" * 200, "no G-code command in this file"),
        ("cut.gcode", whole[:-30], "cut short: its end is missing"),
        ("empty.gcode", b"", "This file is empty"),
        (r"..\..\..\etc\passwd", whole, "must end in .gcode"),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        drop(person, file)
        expect(said).to_contain_text(words)
        expect(page.locator("[data-upload-progress]")).to_be_hidden()
    person.look("upload-name-refused")
    drop(person, tmp_path / "photo.gcode", tmp_path / "cut.gcode")
    expect(said).to_have_text("Drop one file at a time.")
    await_that(lambda: stored(product) == before, "nothing is stored")

    tricky = tmp_path / r"..\..\secrets\<b>escaped.gcode"
    tricky.write_bytes(whole)
    drop(person, tricky)
    page.wait_for_url(re.compile("/files/[0-9a-f-]{36}/$"))
    expect(page.get_by_role("heading", name="_b_escaped.gcode")).to_be_visible()
    assert stored(product) - before, "kept under an id"
    assert not [path for path in product.home.rglob("*escaped*") if path.is_file()]
