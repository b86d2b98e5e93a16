"""An instance takes another policy and goes back again; what the first one granted is gone in between."""

import os
import subprocess
import sys

import pytest
from journeys.product import product as run_product
from journeys.product import without_settings

from glassbed.policy.pack import SHIPPED

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

OTHERS = sorted(file.parent.name for file in SHIPPED.glob("*/policy.yaml") if file.parent.name != "house")


@pytest.fixture(scope="module")
def glassbed():
    with run_product() as product:

        def run(*command, policy):
            environment = without_settings() | {"GLASSBED_HOME": str(product.home), "GLASSBED_POLICY": policy}
            environment["PYTHONPATH"] = os.pathsep.join(sys.path)
            done = subprocess.run(
                [sys.executable, "-m", "glassbed.cli", *command],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            return done.returncode, done.stdout + done.stderr

        yield run


@pytest.mark.parametrize("other", OTHERS)
def test_another_policy_is_applied_whole_and_taken_back_whole(glassbed, other):
    assert glassbed("policy", "verify", policy=other) == (
        1,
        "The policy pack is not the one that was applied.\n",
    )
    for policy in (other, "house"):
        assert glassbed("prepare", policy=policy) == (0, "")
        assert glassbed("policy", "verify", policy=policy) == (
            0,
            "The database is what the pack makes of it.\n",
        )


@pytest.mark.promise("GB-07")
def test_what_another_policy_would_change_is_said_and_nothing_is_done(glassbed):
    code, said = glassbed("policy", "what-if", "bambulab", policy="house")
    assert code == 0
    assert [line for line in said.splitlines() if not line.startswith(" ")] == [
        "Changes",
        "People to ask again",
        "Grants",
        "Features that stop",
        "Rows that fall due",
    ]
    assert "marketing" in said
    assert glassbed("policy", "verify", policy="house")[0] == 0


def test_without_a_running_database_it_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "glassbed.cli", "policy", "verify"],
        env=without_settings() | {"GLASSBED_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "is Glassbed running?" in done.stderr
    assert "Traceback" not in done.stderr
