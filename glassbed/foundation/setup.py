"""Starts Django in a process of ours."""

import os


def setup_django(surface: str) -> None:
    """Set Django up with the database login of `surface`: web, worker or recorder."""
    os.environ["GB_SURFACE"] = surface
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "glassbed.web.settings")
    import django

    django.setup()
