"""Starting Django in a process of ours, tried in a process of its own: settings are read once."""

import os
import subprocess
import sys

import pytest

SHOWN = "from django.conf import settings; print(settings.GLASSBED_SURFACE, settings.DATABASES['default']['USER'])"


@pytest.mark.parametrize("surface", ["worker", "recorder", "web"])
def test_a_process_gets_the_login_that_it_asks_for(tmp_path, surface):
    code = f"from glassbed.foundation.setup import setup_django; setup_django({surface!r}); {SHOWN}"
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GLASSBED_", "GB_", "DJANGO_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | {"GLASSBED_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    taken, login = done.stdout.split()
    assert taken == surface
    assert login.endswith(f"_{surface}_login")
