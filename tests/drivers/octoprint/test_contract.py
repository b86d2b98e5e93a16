import pytest
from drivers.contract.suite import Host, KeyedDriverContract
from peers.octoprint import octoprint

from glassbed.drivers.octoprint.driver import OctoPrintDriver

pytestmark = pytest.mark.peer


def moves(count: int) -> bytes:
    """G-code of `count` moves of about 0.05 s each on the virtual printer."""
    return b"G28\nG1 Z0.2 F6000\n" + b"".join(b"G1 X%d Y10 F3000\n" % (25 * n % 200) for n in range(count))


def host_of(running, kill=None) -> Host:
    return Host(
        driver=OctoPrintDriver,
        address=running.address,
        key=running.key,
        short_print=moves(30),
        long_print=moves(5000),
        kill=kill,
    )


class TestTheContract(KeyedDriverContract):
    @pytest.fixture
    def host(self, running_octoprint):
        yield host_of(running_octoprint)
        running_octoprint.settle()

    @pytest.fixture
    def doomed_host(self, tmp_path):
        with octoprint(tmp_path / "basedir") as running:
            yield host_of(running, running.kill)
