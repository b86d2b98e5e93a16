"""`python -m glassbed.bridge`, the same as `glassbed bridge`."""

import sys

from glassbed.bridge.main import main

sys.exit(main(sys.argv[1:]))
