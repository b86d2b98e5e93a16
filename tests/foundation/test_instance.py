"""What an instance is made of, while nothing of it runs."""

import pytest

from glassbed.foundation.config import Config
from glassbed.foundation.instance import Instance
from glassbed.protocol.errors import Unavailable


def test_the_bus_of_an_instance_that_does_not_run_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="does not run"):
        _ = Instance(Config(home=tmp_path)).nats_url


def test_what_the_running_supervisor_says_is_taken(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "nats-url").write_text("nats://127.0.0.1:1")
    (tmp_path / "run" / "database-url").write_text("postgresql://somebody@/glassbed?host=/socket")
    instance = Instance(Config(home=tmp_path))
    assert instance.nats_url == "nats://127.0.0.1:1"
    assert instance.deploy_dsn == {"user": "somebody", "dbname": "glassbed", "host": "/socket"}


def test_what_is_configured_comes_first(tmp_path):
    config = Config(
        home=tmp_path, nats_url="nats://bus.example:4222", database_url="postgresql://db.example/prints"
    )
    instance = Instance(config)
    assert instance.nats_url == "nats://bus.example:4222"
    assert instance.deploy_dsn["host"] == "db.example"


def test_a_database_that_does_not_run_is_named_as_such(tmp_path):
    assert Instance(Config(home=tmp_path)).deploy_dsn["host"] == "/not-running"


def test_two_instances_have_roles_of_their_own(tmp_path):
    roles = {Instance(Config(home=tmp_path / name)).roles.owner for name in ("one", "two")}
    assert len(roles) == 2
