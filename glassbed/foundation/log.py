"""Log lines with declared fields only, as JSON on standard error.

What other libraries write may hold anything, so of their lines only logger, level and the kind of an
error are kept; their text is not.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

OURS = str(Path(__file__).resolve().parents[1])
_declared: frozenset[str] = frozenset()


class UndeclaredLogField(RuntimeError):
    """A log line has a field that the policy pack does not declare. Declare it under log_fields, or drop it."""


def event(logger: logging.Logger, name: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write one line: `name` in fixed words, values in `fields`. Raises `UndeclaredLogField`."""
    if undeclared := fields.keys() - _declared:
        raise UndeclaredLogField(f"{', '.join(sorted(undeclared))}: {UndeclaredLogField.__doc__}")
    logger.log(level, name, extra={"glassbed": fields})


class Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if (own := getattr(record, "glassbed", None)) is not None:
            fields |= {"event": record.getMessage()} | {key: str(value) for key, value in own.items()}
        elif isinstance(record.msg, str) and not record.args and record.name.startswith("glassbed"):
            fields["event"] = record.msg
        if record.exc_info and record.exc_info[1] is not None:
            fields |= {"error": type(record.exc_info[1]).__name__, "where": _where(record.exc_info[1])}
        if found := getattr(
            getattr(record, "request", None), "resolver_match", None
        ):  # on Django's own lines
            fields["route"] = found.view_name
        return json.dumps(fields, ensure_ascii=False)


def _where(error: BaseException) -> str:
    """Name our own frames, innermost first, and the last two of whatever they called."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(OURS)]
    frames = traceback.StackSummary([f for f in frames if f in own[-8:] or f in frames[-2:]])
    return " < ".join(f"{'/'.join(f.filename.split('/')[-2:])}:{f.lineno} {f.name}" for f in reversed(frames))


def configure(options: dict[str, Any]) -> None:
    """Set up logging for a process. `options`: level and the pack's declared fields."""
    global _declared  # noqa: PLW0603 -- set once at the process's start
    _declared = frozenset(options["fields"])
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(options["level"].upper())
    logging.getLogger("django.request").setLevel(logging.ERROR)
