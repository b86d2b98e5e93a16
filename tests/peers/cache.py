"""One virtual environment per peer, made once and kept outside the clone.

A peer is a printer host that others wrote (OctoPrint, Moonraker): the pins of each conflict with ours
and with one another. `GLASSBED_PEER_CACHE` says where; workers that run side by side build only once.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BUILD_LIMIT_S = 600
_COMPLETE = "complete"


class PeerBuildError(Exception):
    """The peer's environment could not be made. Reach a package index, or run without `-m peer`."""


def environment(name: str, requirements: Path, *, pip_args: Sequence[str] = ()) -> Path:
    """Return the bin folder of the peer's environment, making it first where it is missing.

    `requirements` carries hashes (see the Makefile's `pins`); a change of it makes a new environment.
    """
    folder = _root() / f"{name}-{_fingerprint(requirements, pip_args)}"
    with _locked(folder.with_suffix(".lock")):
        if not (folder / _COMPLETE).exists():
            _build(folder, requirements, pip_args)
    return folder / "bin"


def _root() -> Path:
    chosen = os.environ.get("GLASSBED_PEER_CACHE")
    root = Path(chosen) if chosen else Path.home() / ".cache" / "glassbed-peers"
    root.mkdir(parents=True, exist_ok=True)
    return root


def _fingerprint(requirements: Path, pip_args: Sequence[str]) -> str:
    pins = hashlib.sha256(requirements.read_bytes())
    pins.update("\0".join([sys.version, *pip_args]).encode())
    return pins.hexdigest()[:12]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path, requirements: Path, pip_args: Sequence[str]) -> None:
    """Build in place, for scripts name their interpreter's path; the mark comes last."""
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", *pip_args, "-r", str(requirements)])
    (folder / _COMPLETE).touch()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_LIMIT_S, check=False)
    if done.returncode:
        raise PeerBuildError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
