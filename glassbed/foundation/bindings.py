"""Collects every table's binding and finds what is unbound, in the code and in the database."""

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from glassbed.policy.binding import Binding
from glassbed.policy.compile import check_bindings


def bindings() -> dict[str, Binding]:
    """Return table → binding, from the literal list of privacy modules in the settings."""
    found: dict[str, Binding] = {}
    for module in settings.GLASSBED_PRIVACY:
        for table, binding in import_string(f"{module}.BINDINGS").items():
            if table in found:
                raise ValueError(f"table {table} is bound twice")
            found[table] = binding
    return found


def model_tables() -> frozenset[str]:
    """Return the tables of every installed model, join tables and unmanaged ones included."""
    models = apps.get_models(include_auto_created=True)
    return frozenset(m._meta.db_table for m in models if not m._meta.proxy)  # noqa: SLF001 -- Django's documented API


@register("glassbed")
def check_every_table_is_bound(**_: object) -> list[CheckMessage]:
    """Stop the start, the build and the tests at a table that nobody bound."""
    faults = check_bindings(settings.GLASSBED_PACK, bindings(), model_tables() | {"django_migrations"})
    return [Error(fault, id="glassbed.E001") for fault in faults]
