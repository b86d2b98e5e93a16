import pytest
from drivers.contract.suite import Host, KeyedDriverContract
from drivers.moonraker.prints import plain
from peers.moonraker import moonraker

from glassbed.drivers.moonraker.driver import MoonrakerDriver

pytestmark = pytest.mark.peer


def host_of(running, kill=None) -> Host:
    return Host(
        driver=MoonrakerDriver,
        address=running.address,
        key=running.key,
        short_print=plain(12),
        long_print=plain(300),
        kill=kill,
    )


class TestTheContract(KeyedDriverContract):
    @pytest.fixture
    def host(self, running_moonraker):
        yield host_of(running_moonraker)
        running_moonraker.settle()

    @pytest.fixture
    def doomed_host(self, tmp_path):
        with moonraker(tmp_path, needs_key=True) as running:
            yield host_of(running, running.kill)
