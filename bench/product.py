"""The whole product, started as a person does: start times, memory at rest, and an upload's memory.

Memory is the sum of resident sets over all processes, shared pages counted in each, so it is an upper bound.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path

import psutil

PATIENCE_S = 60
UPLOAD_MB = 500
LINE = b"G1 X10.000 Y10.000 E0.10000 F1800\n"


@contextmanager
def running(home: Path, port: int) -> Iterator[tuple[psutil.Process, float]]:
    """Start, wait for the first page, yield the supervisor and the seconds it took; end it."""
    environment = {**os.environ, "GLASSBED_HOME": str(home), "GLASSBED_LISTEN": f"127.0.0.1:{port}"}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "glassbed.cli", "run"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
                break
            except OSError:
                if time.monotonic() - started > PATIENCE_S or process.poll() is not None:
                    raise
                time.sleep(0.02)
        yield psutil.Process(process.pid), time.monotonic() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def tree(supervisor: psutil.Process) -> dict[str, float]:
    """Process → resident MB; the database's processes together."""
    sizes: dict[str, float] = {}
    for process in [supervisor, *supervisor.children(recursive=True)]:
        words = process.cmdline()
        name = "postgres" if "postgres" in words[0] else Path(words[0]).name
        if "glassbed.cli" in words:
            name = words[words.index("glassbed.cli") + 1]
        sizes[name] = sizes.get(name, 0) + process.memory_info().rss / 1e6
    return sizes


class Visitor:
    """A browser without eyes: cookies and forms."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> str:
        return self.opener.open(self.base + path, timeout=30).read().decode()

    def post(self, path: str, body: bytes | Iterator[bytes], **headers: str) -> str:
        token = next(c.value for c in self.cookies if c.name == "glassbed_csrf")
        headers = {
            "X-CSRFToken": token,
            "Referer": self.base,
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        request = urllib.request.Request(self.base + path, data=body, headers=headers)
        return self.opener.open(request, timeout=300).read().decode()

    def form(self, path: str, **fields: str) -> str:
        return self.post(path, urllib.parse.urlencode(fields).encode())


def signed_up(home: Path, port: int) -> Visitor:
    """Sign up through the operator's first link."""
    visitor = Visitor(f"http://127.0.0.1:{port}")
    visitor.get((home / "run" / "first-link").read_text().split(str(port))[1])
    visitor.form("/accounts/signup/", email="bench@example.org", password1="a bench of glass")
    code = re.search(r"\b([A-Z0-9]{4}-[A-Z0-9]{4})\b", visitor.get("/outbox/"))
    assert code
    visitor.form("/accounts/confirm-email/", code=code[1])
    return visitor


def upload(visitor: Visitor, size_bytes: int) -> float:
    """Upload so many bytes of G-code; return the seconds."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.gcode"\r\n\r\n'
    tail = b"\r\n--x--\r\n"
    block = LINE * (1024 * 1024 // len(LINE))
    blocks = size_bytes // len(block)

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(blocks):
            yield block
        yield tail

    length = len(head) + blocks * len(block) + len(tail)
    started = time.monotonic()
    visitor.post(
        "/files/upload/",
        body(),
        Content_Type="multipart/form-data; boundary=x",
        Content_Length=str(length),
        Accept="application/json",
    )
    return time.monotonic() - started


def main() -> dict[str, float]:
    with socket.socket() as probe, tempfile.TemporaryDirectory(prefix="glassbed-bench-") as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        Path(folder).chmod(0o711)
        home = Path(folder) / "home"
        with running(home, port) as (_, first_s):
            pass
        with running(home, port) as (supervisor, second_s):
            time.sleep(8)
            sizes = tree(supervisor)
            visitor = signed_up(home, port)
            web = next(p for p in supervisor.children() if "web" in p.cmdline())
            upload(visitor, 5_000_000)
            before = web.memory_info().rss / 1e6
            seconds = upload(visitor, UPLOAD_MB * 1_000_000)
            after = web.memory_info().rss / 1e6
        total = sum(sizes.values())
        print("The product")
        print(f"  first start to first page  {first_s:6.1f} s")
        print(f"  second start               {second_s:6.1f} s   (limit 5)")
        print(
            f"  memory at rest             {total:6.0f} MB  (limit 450)  "
            + ", ".join(f"{n} {s:.0f}" for n, s in sizes.items())
        )
        print(f"  upload of {UPLOAD_MB} MB          {seconds:6.1f} s   web {before:.0f} → {after:.0f} MB")
        return {"second_start_s": second_s, "memory_mb": total, "upload_growth_mb": after - before}


if __name__ == "__main__":
    main()
