"""A person at a browser, and what is wrong on any page that they see."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, expect

PASSWORD = "plate-under-glass-7"
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
_REPORT_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy violation: ${event.effectiveDirective} ${event.blockedURI}`))"""
_END_TRANSITIONS = """async () => { for (let frame = 0, quiet = 0; quiet < 3 && frame < 60; frame++) {
    await new Promise(requestAnimationFrame)
    const moving = document.getAnimations().filter((one) => one.playState === "running"
        && Number.isFinite(one.effect.getComputedTiming().endTime))
    moving.forEach((one) => one.finish())
    quiet = moving.length ? 0 : quiet + 1 } }"""
_RUN_AXE = """async () => (await axe.run(document, {preload: false})).violations.map((found) =>
    `${found.id}: ` + found.nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary}`).join("; "))"""
_OVERFLOW = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth
    ? [...document.querySelectorAll("body *")].filter((element) =>
        element.getBoundingClientRect().right > document.documentElement.clientWidth + 1
        && !element.closest("dialog:not([open])"))
        .slice(0, 5).map((element) => element.outerHTML.slice(0, 120)) : []"""
_FOCUSED = """() => { const element = document.activeElement
    return element === document.body ? "" : `${element.tagName.toLowerCase()}:`
        + (element.getAttribute("aria-label") || element.textContent || "").trim() }"""


class Visitor:
    """A browser with cookies of its own. Whatever breaks on its pages is a fault of the test that opened it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context, self.url = context, url
        self.faults: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        context.add_init_script(_REPORT_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)
        self.page = context.new_page()

    def expects(self, *patterns: str) -> None:
        """Name what this journey provokes on purpose; the browser reports each 4xx as an error."""
        self._expected += map(re.compile, patterns)

    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(p.search(fault) for p in self._expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text} {message.location.get('url', '')}")

    def _request(self, request: Request) -> None:
        wanted, home = urlsplit(request.url), urlsplit(self.url)
        if wanted.scheme not in ("blob", "data") and wanted.netloc != home.netloc:
            self.faults.append(f"left the site: {request.url}")
        if home.scheme == "https" and wanted.scheme == "http":
            self.faults.append(f"unencrypted: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"status {response.status}: {response.url}")

    # -- what a person does

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path if path.startswith("/") else path)
        return self.page

    def press(self, name: str, *, within: str = "main") -> None:
        self.page.locator(within).get_by_role("button", name=name, exact=True).click()

    def sign_up(self, email: str, *, start: str = "/accounts/signup/") -> None:
        """Enter address and password, then the code that the outbox page shows."""
        page = self.open(start)
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        self.press("Sign Up")
        expect(page.get_by_label("Code")).to_be_visible()
        page.get_by_label("Code").fill(self.code_for(email))
        page.locator("main form").first.locator("button").first.click()
        page.wait_for_url(re.compile("^(?!.*/accounts/confirm-email/).*$"))

    def code_for(self, email: str) -> str:
        """Read the newest code for this address in a second tab."""
        tab = self.context.new_page()
        tab.goto(f"{self.url}/outbox/")
        mail = tab.locator("section", has_text=email).first.locator(".mail-text").inner_text()
        tab.close()
        code = re.search(r"^[A-Z0-9]{3,8}(-[A-Z0-9]{3,8})?$", mail, re.MULTILINE)
        assert code, mail
        return code.group()

    # -- what every page has to be

    def look(self, name: str) -> None:
        """Check the page as it is: axe in light, dark and on a phone; nothing wider than the phone."""
        page, was = self.page, self.page.viewport_size
        for scheme, size in (("light", DESK), ("dark", DESK), ("light", PHONE)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size(size)
            page.evaluate(_END_TRANSITIONS)
            self._keep_picture(f"{name}-{scheme}-{size['width']}")
            found = page.evaluate(f"{AXE.read_text()};({_RUN_AXE})()")
            self.faults += [f"{name}, {scheme}, {size['width']} px: {violation}" for violation in found]
        too_wide = page.evaluate(_OVERFLOW)
        self.faults += [f"{name} is wider than {PHONE['width']} px: {element}" for element in too_wide]
        page.emulate_media(color_scheme=None, reduced_motion=None)
        page.set_viewport_size(was or DESK)

    def _keep_picture(self, name: str) -> None:
        if folder := os.environ.get("JOURNEY_PICTURES"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def reached_by_tab(self, limit: int = 80) -> list[str]:
        """Press Tab through the page from its top; return what got the focus, as "tag:name"."""
        self.page.locator("body").evaluate("() => document.activeElement.blur()")
        reached: list[str] = []
        for _ in range(limit):
            self.page.keyboard.press("Tab")
            here = self.page.evaluate(_FOCUSED)
            if reached and here in ("", reached[0]):
                break
            reached.append(here)
        return reached


@contextmanager
def visitor(browser: Browser, url: str, **options: Any) -> Iterator[Visitor]:
    """Open a browser of somebody; at the end nothing may have gone wrong in it."""
    context = browser.new_context(viewport=DESK, locale="en-GB", **options)
    person = Visitor(context, url)
    try:
        yield person
        person.page.wait_for_timeout(50)  # what is still on its way is heard
    finally:
        context.close()
    assert not person.unexpected(), "\n".join(person.unexpected())
