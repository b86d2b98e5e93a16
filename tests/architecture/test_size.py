"""Small enough to read: modules, functions and templates. The ratchet names what is over, and only shrinks."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES, FUNCTION_LINES, TEMPLATE_LINES, FEATURE_LINES = 500, 50, 200, 3_500
RATCHET: dict[str, int] = {}
"""`path` or `path:function` → lines that it may have for the time being."""


def tracked(pattern):
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard", pattern],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).exists()]


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.end_lineno - node.lineno + 1


def too_long(found, limit):
    return [f"{name}: {size} lines" for name, size in found if size > RATCHET.get(name, limit)]


MODULES = [path for path in tracked("*.py") if "migrations" not in path.parts]


def test_no_module_is_longer_than_500_lines():
    assert not too_long([(str(path.relative_to(ROOT)), lines(path)) for path in MODULES], MODULE_LINES)


def test_no_function_is_longer_than_50_lines():
    found = [
        (f"{path.relative_to(ROOT)}:{name}", size)
        for path in MODULES
        if path.is_relative_to(ROOT / "glassbed")
        for name, size in functions(path)
    ]
    assert len(found) > 500
    assert not too_long(found, FUNCTION_LINES)


def test_no_template_is_longer_than_200_lines():
    templates = tracked("*.html")
    assert templates
    assert not too_long([(str(path.relative_to(ROOT)), lines(path)) for path in templates], TEMPLATE_LINES)


@pytest.mark.parametrize(
    "feature", sorted(p.parent.name for p in (ROOT / "glassbed/features").glob("*/apps.py"))
)
def test_no_feature_has_outgrown_its_folder(feature):
    parts = [path for path in MODULES if path.is_relative_to(ROOT / "glassbed/features" / feature)]
    assert sum(map(lines, parts)) <= FEATURE_LINES


def test_the_ratchet_names_only_what_is_over():
    sizes = {str(path.relative_to(ROOT)): lines(path) for path in MODULES}
    assert all(sizes.get(name.partition(":")[0], 0) for name in RATCHET)


def test_no_file_has_a_name_that_says_nothing():
    empty = {
        "utils",
        "util",
        "helpers",
        "helper",
        "common",
        "misc",
        "base",
        "core",
        "manager",
        "service",
        "services",
    }
    assert not [
        path for path in MODULES if path.stem in empty or empty & set(path.relative_to(ROOT).parts[:-1])
    ]


HOSTS = ("pypi" + ".org", "python" + "hosted", "registry." + "npmjs", "deb." + "debian")


def test_no_file_names_a_package_registry():
    named = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked("*")
        if path.suffix not in {".png", ".woff2", ".gz"}
        for host in HOSTS
        if host.encode() in path.read_bytes()
    ]
    assert not named
