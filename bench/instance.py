"""A whole instance in a temporary folder for a measurement: PostgreSQL, NATS, roles, policy; ended afterwards."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def instance(surface: str = "web") -> Iterator[Path]:
    """Start, prepare, set Django up with the login of `surface`, yield the data folder."""
    with tempfile.TemporaryDirectory(prefix="glassbed-bench-") as folder:
        home = Path(folder) / "home"
        Path(folder).chmod(0o711)
        os.environ["GLASSBED_HOME"] = str(home)
        from glassbed.processes.nats import Nats
        from glassbed.processes.postgres import Postgres

        postgres, nats = Postgres(home), Nats(home)
        try:
            postgres.start()
            nats.start()
            from glassbed.foundation.setup import setup_django

            subprocess.run([sys.executable, "-m", "glassbed.cli", "prepare"], check=True)
            setup_django(surface)
            yield home
        finally:
            from django.db import connections

            connections.close_all()
            for connection in connections.all():
                connection.close_pool()
            nats.stop()
            postgres.stop()
