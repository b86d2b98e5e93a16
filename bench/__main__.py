"""`python -m bench`: everything that docs/measurements.md reports, in one run."""

import subprocess
import sys

PARTS = ("live", "recorder", "purposes", "consent", "product", "pages", "printing", "header")

for part in PARTS:
    subprocess.run([sys.executable, "-m", f"bench.{part}"], check=True)
