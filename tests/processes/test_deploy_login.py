"""The login that owns the database: who prepares has it, and who serves does not."""

import json
import os
import subprocess
import sys

import pytest

from glassbed.foundation.config import Config
from glassbed.processes.supervisor import preparation, programs

PASSWORD = "deploy-password-7"
ADDRESS = f"postgresql://deploy:{PASSWORD}@db.example/prints"

SHOWN = """
import json, os
from django.conf import settings
print(json.dumps([sorted(settings.DATABASES), settings.DATABASES["default"]["USER"], settings.DATABASES["default"]["HOST"]]))
"""


@pytest.fixture
def config(tmp_path):
    return Config.load({"GLASSBED_HOME": str(tmp_path), "GLASSBED_DATABASE_URL": ADDRESS})


def test_no_process_that_serves_is_given_the_password_of_the_deploy_login(config):
    children = programs(config)
    assert [child.name for child in children] == ["web", "recorder", "worker", "bridge"]
    assert [child.name for child in children if PASSWORD in str(child.environment)] == []
    assert preparation(config).environment["GLASSBED_DATABASE_URL"] == ADDRESS


def started(environment, start):
    done = subprocess.run(
        [sys.executable, "-c", start + SHOWN],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("surface", ["web", "recorder", "worker"])
def test_who_serves_knows_its_own_login_alone(config, surface):
    environment = next(child.environment for child in programs(config) if child.name == surface)
    start = f"from glassbed.foundation.setup import setup_django; setup_django({surface!r})"
    databases, login, host = started(environment, start)
    assert databases == ["default"]
    assert login.endswith(f"_{surface}_login")
    assert host == "db.example"


@pytest.mark.parametrize(
    "start",
    [
        "from glassbed.foundation.setup import setup_django; setup_django('prepare')",
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'glassbed.web.settings'",  # `glassbed manage`
    ],
    ids=["prepare", "manage"],
)
def test_who_prepares_has_the_owners_way_beside_that_of_the_web(config, start):
    databases, login, _host = started(preparation(config).environment, start)
    assert databases == ["default", "owner"]
    assert login.endswith("_web_login")
