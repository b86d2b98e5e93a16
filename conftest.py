"""For every test below: our plugin, and no clock in property tests, which a busy machine would fail."""

from hypothesis import settings

pytest_plugins = ["promise_marks"]

settings.register_profile("glassbed", deadline=None)
settings.load_profile("glassbed")
