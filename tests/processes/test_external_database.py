"""An external PostgreSQL: the system's own, with a deploy login that is no superuser."""

import os
import pwd
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

pytestmark = pytest.mark.integration

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
needs_server = pytest.mark.skipif(
    not SERVERS, reason="no PostgreSQL server of the system here (apt install postgresql)"
)


@pytest.fixture
def server(tmp_path):
    """The system's PostgreSQL in a folder of its own; yields the superuser's address."""
    programs = SERVERS[-1].parent
    data, account = tmp_path / "data", {}
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/tmp"):
            parent.chmod(0o755)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(tmp_path, nobody.pw_uid, nobody.pw_gid)
    options = {"cwd": "/", "capture_output": True, **account}
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"],
        check=True,
        **options,
    )
    socket = tmp_path / "s"
    socket.mkdir()
    if account:
        os.chown(socket, account["user"], account["group"])
    running = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", socket, "-h", "", "-F"],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **account,
    )
    address = f"postgresql://postgres@/postgres?host={socket}"
    try:
        for _ in range(200):
            try:
                psycopg.connect(address).close()
                break
            except psycopg.OperationalError:
                assert running.poll() is None
                time.sleep(0.05)
        yield address
    finally:
        running.terminate()
        running.wait(20)
        shutil.rmtree(data, ignore_errors=True)


def run(home, url, *words):
    environment = {"PATH": os.environ["PATH"], "GLASSBED_HOME": str(home), "GLASSBED_DATABASE_URL": url}
    return subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False, timeout=100
    )


CHECK = """
from glassbed.foundation.setup import setup_django
setup_django("web")
from glassbed.processes.web import refuse_drift
refuse_drift()
"""


@needs_server
def test_a_deploy_login_without_superuser_prepares_and_is_told_what_the_log_needs(server, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE ROLE deploy LOGIN CREATEROLE")
        admin.execute("CREATE DATABASE glassbed OWNER deploy")
    url = server.replace("postgres@/postgres", "deploy@/glassbed")

    prepared = run(home, url, "-m", "glassbed.cli", "prepare")
    assert prepared.returncode == 0, prepared.stdout + prepared.stderr
    assert run(home, url, "-m", "glassbed.cli", "prepare").returncode == 0

    refused = run(home, url, "-c", CHECK)
    assert refused.returncode != 0
    statements = [line for line in refused.stderr.splitlines() if line.startswith("ALTER ROLE")]
    assert len(statements) > 3
    with psycopg.connect(server, autocommit=True) as admin:
        for surface in ("web", "worker", "recorder"):
            for statement in statements:
                admin.execute(statement.rstrip(";").replace("_web_login", f"_{surface}_login"))
    served = run(home, url, "-c", CHECK)
    assert served.returncode == 0, served.stderr

    with psycopg.connect(server.replace("/postgres?", "/glassbed?"), autocommit=True) as admin:
        admin.execute("DROP POLICY gb_see ON printers_printer")
    drifted = run(home, url, "-c", CHECK)
    assert "is not what the policy pack makes of it" in drifted.stderr
