"""The purpose of a query: one transaction, one role, one signed context.

Outside of `purpose()` a process's login may read and write nothing; `technical()` opens the tables
without personal data. Neither nests: a second purpose inside the first is a mistake, not a wish.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponseBase

from glassbed.policy.program import PURPOSES

LIFETIME_S = 120
"""Of a signed context; longer than any statement time-out, far shorter than a session."""

_current: ContextVar[str | None] = ContextVar("purpose", default=None)
_afterwards: ContextVar[list[Callable[[], None]] | None] = ContextVar("afterwards", default=None)


class PurposeMissing(RuntimeError):
    """A query runs without a purpose. Wrap it in `purpose(...)`, or declare the view's purpose."""


class PurposeNested(RuntimeError):
    """A purpose was opened inside another. Leave the first one before; rows don't cross purposes."""


def current() -> str | None:
    """Return the name of the purpose that is open, if any."""
    return _current.get()


@contextmanager
def purpose(name: str, *, person: UUID | None = None) -> Iterator[None]:
    """Run one transaction under the role of a purpose, for a person or, where it reaches everyone, for none.

    Raises `PurposeNested` inside another one, `KeyError` for a purpose that the program does not have, and
    PostgreSQL's "permission denied to set role" where this process may not take it.
    """
    if name not in PURPOSES:
        raise KeyError(f"the program has no purpose {name!r}: see purposes.yaml")
    with _opened(name, settings.GLASSBED_ROLES.purpose(name), person):
        yield


@contextmanager
def technical() -> Iterator[None]:
    """Run one transaction that may touch the tables without personal data, and nothing else."""
    with _opened("technical", settings.GLASSBED_ROLES.technical, None):
        yield


@contextmanager
def _opened(name: str, role: str, person: UUID | None) -> Iterator[None]:
    if (outer := _current.get()) is not None:
        raise PurposeNested(f"purpose {name!r} inside of {outer!r}")
    connection = connections["default"]
    afterwards: list[Callable[[], None]] = []
    marked, listed = _current.set(name), _afterwards.set(afterwards)
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('role', %s, true), set_config('glassbed.ctx', %s, true)",
                [role, sign(role, person, _backend_pid(connection))],
            )
            yield
    finally:
        _current.reset(marked)
        _afterwards.reset(listed)
    for follow in afterwards:
        follow()


def after_commit(follow: Callable[[], None]) -> None:
    """Run `follow` once this purpose has committed and closed; never when it is rolled back.

    Unlike Django's `on_commit`, the callback may open a purpose of its own.
    """
    afterwards = _afterwards.get()
    if afterwards is None:
        raise PurposeMissing(PurposeMissing.__doc__)
    afterwards.append(follow)


def sign(role: str, person: UUID | None, backend_pid: int) -> str:
    """Return the context that `sec.context()` accepts on this backend for the next two minutes."""
    said = f"{role}|{person or '-'}|{int(time.time()) + LIFETIME_S}|{backend_pid}"
    mac = hmac.new(settings.GLASSBED_CONTEXT_SECRET, said.encode(), hashlib.sha256)
    return f"{said}|{mac.hexdigest()}"


def _backend_pid(connection: BaseDatabaseWrapper) -> int:
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


def refuse_without_purpose(
    execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any
) -> Any:
    """Say early and in words what PostgreSQL would refuse with "permission denied"."""
    if _current.get() is None and context["connection"].alias == "default":
        raise PurposeMissing(PurposeMissing.__doc__)
    return execute(sql, params, many, context)


def guard_connection(sender: object, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Put the early refusal on each new connection, once."""
    if refuse_without_purpose not in connection.execute_wrappers:
        connection.execute_wrappers.append(refuse_without_purpose)


def install_guard() -> None:
    connection_created.connect(guard_connection, dispatch_uid="glassbed.purpose")


# -- views -----------------------------------------------------------------------------------------

View = Callable[..., HttpResponseBase]
NO_DATA = "no_data"
"""The declared purpose of a view that asks the database nothing."""
TECHNICAL = "technical"
"""The declared purpose of a view that reads tables without personal data only."""


def for_purpose(name: str, *, signed_in: bool = True, opens: bool = True) -> Callable[[View], View]:
    """Declare what a view is for. The middleware opens the purpose around the view and its rendering.

    With `opens=False` the view opens it itself, because it waits for something between two transactions.
    """

    def declare(view: View) -> View:
        view.purpose = name  # type: ignore[attr-defined]  # a declaration, read by middleware and checks
        view.signed_in = signed_in  # type: ignore[attr-defined]  # as above
        view.opens = opens  # type: ignore[attr-defined]  # as above
        return view

    return declare


def declared_purpose(view: View) -> str | None:
    """Return what `for_purpose` declared, or what stands for a third-party view's module in the settings."""
    declared = getattr(view, "purpose", None) or getattr(getattr(view, "view_class", None), "purpose", None)
    if declared is not None:
        return str(declared)
    module = view.__module__
    by_module: dict[str, str] = settings.GLASSBED_VIEW_PURPOSES
    return next(
        (p for prefix, p in by_module.items() if module == prefix or module.startswith(f"{prefix}.")), None
    )


def run_view(
    request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> HttpResponseBase:
    """Run a view and render its response inside its purpose, so that no queryset leaves it."""
    name = declared_purpose(view)
    if name is None:
        raise PurposeMissing(f"{view.__module__}.{view.__name__} declares no purpose")
    if name == NO_DATA or not getattr(view, "opens", True):
        return _rendered(view(request, *args, **kwargs))
    person = request.user.pk if request.user.is_authenticated else None
    with technical() if name == TECHNICAL else purpose(name, person=person):
        return _rendered(view(request, *args, **kwargs))


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    render = getattr(response, "render", None)
    return render() if callable(render) else response
