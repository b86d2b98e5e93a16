"""The foundation as a Django app: its tables, its checks, and the guard on every connection."""

from django.apps import AppConfig


class FoundationConfig(AppConfig):
    name = "glassbed.foundation"
    label = "foundation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from glassbed.foundation import bindings  # registers the system check
        from glassbed.foundation.purpose import install_guard

        assert bindings
        install_guard()
