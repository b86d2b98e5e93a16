import json
import os
import signal
import socket
import stat

import nats
import pytest

from glassbed.foundation.config import Config
from glassbed.processes import nats as processes_nats
from glassbed.processes.nats import Nats, is_worth_showing, url_of
from glassbed.protocol.errors import Unavailable


@pytest.fixture
def server(home):
    bus = Nats(home)
    bus.start()
    yield bus
    bus.stop()


def answer_to(url, **account):
    """What the server says to a greeting: the library leaks its socket when it is refused."""
    host, _, port = url.rpartition("@")[2].partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=5) as connection,
        connection.makefile("rb") as lines,
    ):
        assert lines.readline().startswith(b"INFO ")
        connection.sendall(f"CONNECT {json.dumps({'verbose': True, **account})}\r\n".encode())
        return lines.readline().strip()


@pytest.mark.integration
async def test_a_client_with_the_url_speaks(server, home):
    client = await nats.connect(url_of(Config(home=home)))
    inbox = await client.subscribe("hello")
    await client.publish("hello", b"glass")
    assert (await inbox.next_msg()).data == b"glass"
    assert client.max_payload == 1024 * 1024
    await client.close()


@pytest.mark.integration
def test_a_client_without_the_password_is_refused(server):
    assert answer_to(server.url, user="glassbed", **{"pass": server.password}) == b"+OK"
    assert answer_to(server.url, user="glassbed", **{"pass": "wrong"}) == b"-ERR 'Authorization Violation'"
    assert answer_to(server.url) == b"-ERR 'Authorization Violation'"


@pytest.mark.integration
def test_it_listens_on_loopback_and_its_files_are_private(server, home):
    assert server.url.rpartition("@")[2].startswith("127.0.0.1:")
    files = [home / "run" / "nats.conf", home / "run" / "nats-url", home / "secrets" / "nats"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600] * 3


@pytest.mark.integration
def test_it_comes_back_on_the_same_port(server):
    url = server.url
    server.process.kill()
    server.process.wait()
    server.launch()
    assert server.url == url
    while not server.is_ready():
        assert server.poll() is None


@pytest.fixture
def taken():
    """A port that another program holds, and does not listen on yet."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        yield other.getsockname()[1]


@pytest.mark.integration
def test_a_port_that_another_took_in_between_is_drawn_anew(home, monkeypatch, taken, free_port):
    ports = iter([taken, free_port])
    monkeypatch.setattr(processes_nats, "_free_port", lambda: next(ports))
    bus = Nats(home)
    bus.start()
    assert bus.url.endswith(f":{free_port}")
    assert answer_to(url_of(Config(home=home)), user="glassbed", **{"pass": bus.password}) == b"+OK"
    bus.stop()


@pytest.mark.integration
def test_a_bus_that_finds_no_port_says_so_and_leaves_nothing(home, monkeypatch, taken):
    monkeypatch.setattr(processes_nats, "_free_port", lambda: taken)
    bus = Nats(home)
    with pytest.raises(Unavailable, match="nats-server did not start"):
        bus.start()
    assert bus.process is None
    assert not processes_nats.url_file(home).exists()


@pytest.mark.integration
def test_a_bus_that_hangs_is_killed_at_the_stop(server, monkeypatch):
    monkeypatch.setattr(processes_nats, "STOP_PATIENCE_S", 0.1)
    process = server.process
    os.kill(process.pid, signal.SIGSTOP)
    server.stop()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.integration
def test_a_stopped_bus_leaves_no_process_and_no_address(server, home):
    process, port = server.process, int(server.url.rpartition(":")[2])
    server.stop()
    assert process.returncode is not None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    with pytest.raises(Unavailable, match="glassbed run"):
        url_of(Config(home=home))


def test_a_configured_bus_is_used_as_it_is(home):
    assert url_of(Config(home=home, nats_url="nats://bus.example:4222")) == "nats://bus.example:4222"


def test_start_lines_are_not_shown_and_errors_are():
    assert not is_worth_showing("[1] [INF] Server is ready")
    assert is_worth_showing("[1] [ERR] no space left on device")
