import uuid

import pytest
from drivers.contract.suite import DriverContract, Host

from glassbed.drivers.simulated.driver import MACHINES, SimulatedDriver


@pytest.fixture
def running():
    name = str(uuid.uuid4())

    def kill():
        MACHINES[name].answers = False

    return Host(
        driver=SimulatedDriver,
        address=f"simulated://{name}?speed=20",
        key=None,
        short_print=b"M104 S40\nG28\n" + b"G1 X100 E5 F1200\nG1 X10 E5\n" * 8,
        long_print=b"G28\n" + b";LAYER_CHANGE\nG4 S60\n" * 100,
        kill=kill,
    )


class TestTheContract(DriverContract):
    @pytest.fixture
    def host(self, running):
        return running

    @pytest.fixture
    def doomed_host(self, running):
        return running
