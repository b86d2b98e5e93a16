"""What every test may ask for: the servers of one instance a process, started once."""

import pytest


@pytest.fixture(scope="session")
def servers():
    """Start database and bus of this process's instance. Tests stay apart by using people of their own."""
    import instance

    instance.start()
    yield instance
    instance.stop()
