"""An instance that nobody runs yet."""

import pytest


@pytest.fixture
def no_operator(servers):
    """As on a fresh machine, for the time of a test."""
    with servers.superuser() as admin:
        admin.execute("UPDATE accounts_person SET is_operator = false")
    yield
    with servers.superuser() as admin:
        admin.execute("UPDATE accounts_person SET is_operator = false")
