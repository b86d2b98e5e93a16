"""What the first page and a printer's page weigh on the wire: every resource, empty cache, in real Chromium.

Counted are the bytes of each answer as they came, with headers, compressed as the product serves them; the live
connection's frames are told apart. First contentful paint is from the start of the navigation.
"""

import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from journeys.product import product
from journeys.visitor import visitor
from playwright.sync_api import Browser, BrowserContext, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
AFTERWARDS_MS = 3_000
FIRST_KB, PRINTER_KB = 150, 250


class Wire:
    """What one page fetches, as the browser's own network log tells it."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, str, int]] = {}  # request → kind, path, bytes
        self.frames_bytes = 0
        self._begun: dict[str, tuple[str, str]] = {}

    def listen(self, context: BrowserContext, page: Any) -> None:
        log = context.new_cdp_session(page)
        log.on("Network.responseReceived", self._begin)
        log.on("Network.loadingFinished", self._finish)
        log.on("Network.webSocketFrameReceived", self._frame)
        log.send("Network.enable")
        log.send("Network.setCacheDisabled", {"cacheDisabled": True})

    @property
    def total_kb(self) -> float:
        return sum(size for _, _, size in self.answers.values()) / 1000

    def by_kind(self) -> str:
        kinds: dict[str, list[int]] = defaultdict(list)
        for kind, _, size in self.answers.values():
            kinds[kind].append(size)
        largest = sorted(kinds.items(), key=lambda item: -sum(item[1]))
        return ", ".join(f"{kind} {sum(sizes) / 1000:.1f} ({len(sizes)})" for kind, sizes in largest)

    def _begin(self, event: dict[str, Any]) -> None:
        self._begun[event["requestId"]] = (event["type"].lower(), event["response"]["url"])

    def _finish(self, event: dict[str, Any]) -> None:
        if began := self._begun.get(event["requestId"]):
            self.answers[event["requestId"]] = (*began, int(event["encodedDataLength"]))

    def _frame(self, event: dict[str, Any]) -> None:
        self.frames_bytes += len(event["response"]["payloadData"])


@contextmanager
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        raise SystemExit(f"This needs one of {', '.join(CHROMIUM)}. Debian, Ubuntu: apt install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


def weigh(browser: Browser, url: str, until: str, state: Any = None) -> tuple[Wire, float]:
    """Open a page in a browser that has seen nothing; return what it fetched, its first paint in ms."""
    context = browser.new_context(storage_state=state, viewport={"width": 1280, "height": 900})
    page, wire = context.new_page(), Wire()
    wire.listen(context, page)
    page.goto(url, wait_until="load")
    page.wait_for_selector(until)
    page.wait_for_timeout(AFTERWARDS_MS)
    paint_ms = float(page.evaluate(PAINT))
    context.close()
    return wire, paint_ms


def report(name: str, wire: Wire, paint_ms: float, limit_kb: int) -> float:
    print(
        f"  {name:<14}{wire.total_kb:>7.1f} kB  (limit {limit_kb})   first contentful paint {paint_ms:.0f} ms"
    )
    print(f"    {wire.by_kind()}; live frames in {AFTERWARDS_MS / 1000:.0f} s {wire.frames_bytes / 1000:.1f}")
    for _, url, size in sorted(wire.answers.values(), key=lambda answer: -answer[2])[:4]:
        print(f"    {size / 1000:>7.1f}  {url.split('/', 3)[3] or '/'}")
    return wire.total_kb


def main() -> dict[str, float]:
    with product() as running, chromium() as browser:
        home = f"{running.public_url}/"
        first = weigh(browser, home, "main")
        with visitor(browser, running.public_url) as operator:
            operator.sign_up("bench@glassbed.example", start=running.first_link)
            page = operator.page
            page.goto(f"{home}bridges/")
            operator.press("Make it mine")
            page.goto(home)
            operator.press("Try the demo printer")
            page.wait_for_selector("main [data-state=printing]")
            address, state = page.url, operator.context.storage_state()
            time.sleep(5)  # the print gets going
            printer = weigh(browser, address, "main [data-state=printing]", state)
        print("Weight on the wire, empty cache")
        return {
            "first_kb": report("first page", *first, FIRST_KB),
            "printer_kb": report("printer page", *printer, PRINTER_KB),
        }


if __name__ == "__main__":
    main()
