"""The running product, while more uploads stand still than it has threads."""

import http.client
import socket
from contextlib import ExitStack

import pytest
from by_http import HttpVisitor
from journeys.product import product

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

UPLOADS = 12
BODY = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="cube.gcode"\r\n\r\n; a cube'


def begin_upload(person, port):
    """Announce a large file and send its first bytes only."""
    cookies = {cookie.name: cookie.value for cookie in person._cookies}
    connection = socket.create_connection(("127.0.0.1", port))
    lines = [
        "POST /files/upload/ HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: {person.url}",
        "Cookie: " + "; ".join(f"{name}={value}" for name, value in cookies.items()),
        f"X-CSRFToken: {cookies['glassbed_csrf']}",
        "Content-Type: multipart/form-data; boundary=edge",
        "Content-Length: 100000000",
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + BODY)
    return connection


def test_pages_answer_while_uploads_stand_still():
    with product() as running, ExitStack() as uploads:
        person = HttpVisitor(running.public_url)
        person.sign_up(running.first_link)
        for _ in range(UPLOADS):
            uploads.enter_context(begin_upload(person, running.port))
        for path in ("/privacy/", "/accounts/login/", "/privacy/"):
            page = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
            page.request("GET", path)
            assert page.getresponse().status == 200
            page.close()
