"""A person without a browser: cookies, forms and their tokens, for tests of processes rather than of pages."""

import re
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import urlencode

EMAIL, PASSWORD = "ada@glassbed.example", "plate-under-glass-7"
TIMEOUT_S = 60


class HttpVisitor:
    """Somebody at `url`, with cookies of their own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def get(self, path: str) -> str:
        return self._text(self._absolute(path))

    def post(self, path: str, **fields: str) -> str:
        """Send a form; return the page it leads to. A page with the token must have been open before."""
        token = next(cookie.value for cookie in self._cookies if cookie.name == "glassbed_csrf")
        headers = {"X-CSRFToken": token or "", "Referer": self.url}
        return self._text(urllib.request.Request(self._absolute(path), urlencode(fields).encode(), headers))

    def sign_up(self, first_link: str) -> None:
        """Become the operator by the first link, with the code that the outbox page shows."""
        self.get(first_link)
        self.post("/accounts/signup/", email=EMAIL, password1=PASSWORD)
        code = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", self.get("/outbox/"))
        assert code, "no mail with a code"
        self.post("/accounts/confirm-email/", code=code.group())

    def _absolute(self, path: str) -> str:
        return self.url + path if path.startswith("/") else path

    def _text(self, request: str | urllib.request.Request) -> str:
        with self._opener.open(request, timeout=TIMEOUT_S) as answer:
            return str(answer.read().decode())
