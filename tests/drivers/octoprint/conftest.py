import pytest
from peers.octoprint import octoprint

pytest.register_assert_rewrite("drivers.contract.suite")


@pytest.fixture(scope="session")
def running_octoprint(tmp_path_factory):
    """One for all tests of this folder: each brings it back to rest with `settle()`."""
    with octoprint(tmp_path_factory.mktemp("octoprint") / "basedir") as host:
        yield host
