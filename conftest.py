"""Loads our pytest plugin for every test below."""

pytest_plugins = ["promise_marks"]
