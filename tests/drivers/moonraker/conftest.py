import pytest
from peers.moonraker import moonraker

pytest.register_assert_rewrite("drivers.contract.suite")


@pytest.fixture(scope="session")
def running_moonraker(tmp_path_factory):
    """One for all tests of this folder: each brings it back to rest with `settle()`."""
    with moonraker(tmp_path_factory.mktemp("moonraker"), needs_key=True) as host:
        yield host
