"""Starts Django in a process of ours."""

import os


def setup_django(surface: str) -> None:
    """Set Django up for a surface: web, worker or recorder with its own login, or prepare with the deploy login beside."""
    os.environ["GB_SURFACE"] = surface
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "glassbed.web.settings")
    import django

    django.setup()


def close_the_ways_out() -> None:
    """Let this process reach the bus, the database (whose library opens its own sockets) and open ways, and no other."""
    from django.conf import settings

    from glassbed.foundation import outbound

    outbound.guard(settings.INSTANCE.nats_url)
