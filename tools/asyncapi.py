"""Write docs/asyncapi.yaml from the message classes: `python tools/asyncapi.py`. A test compares."""

import inspect
import types
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from glassbed.processes.live.socket import Close
from glassbed.protocol import messages, subjects

DOCUMENT = Path(__file__).parents[1] / "docs" / "asyncapi.yaml"

_SOCKETS = {
    "bridge": (
        "/bridge",
        "A bridge's link. It dials out; nothing ever dials in.",
        messages.ToServer,
        messages.ToBridge,
    ),
    "live": (
        "/live",
        "A page's socket. Its Origin has to be the site's own.",
        messages.FromBrowser,
        messages.ToBrowser,
    ),
}
_PAYLOADS = {
    "sample": (messages.Sample,),
    "watch": (subjects.Watching, subjects.Online),
    "unwatch": (subjects.Watching,),
    "link": (messages.Link,),
    "changed": (messages.Changed,),
    "command": (messages.Command, messages.Result),
    "printers": (messages.Printer,),
    "record.event": (subjects.ToRecord, messages.Kept, messages.Dropped),
}


def document() -> dict[str, Any]:
    """Return the description as AsyncAPI 3.0."""
    kinds = _kinds()
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Glassbed: bridge, live, recorder and browser",
            "version": str(messages.VERSION),
            "description": inspect.getdoc(messages) or "",
            "license": {"name": "AGPL-3.0-or-later"},
        },
        "defaultContentType": "application/json",
        "channels": _socket_channels() | _bus_channels(),
        "operations": _operations(),
        "components": {
            "messages": {
                kind.__name__: {
                    "name": kind.__name__,
                    "summary": _first_line(kind),
                    "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
                }
                for kind in kinds
            },
            "schemas": schemas,
        },
    }


def render() -> str:
    head = "# Made by tools/asyncapi.py from the message classes. Change those, not this.\n"
    return head + yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110)


def _kinds() -> list[type]:
    """Return every message of a socket or of the bus once, by name."""
    socket_kinds = [
        kind for *_, to, back in _SOCKETS.values() for side in (to, back) for kind in _members(side)
    ]
    bus_kinds = [kind for kinds in _PAYLOADS.values() for kind in kinds]
    return sorted({*socket_kinds, *bus_kinds}, key=lambda kind: kind.__name__)


def _members(side: types.UnionType) -> tuple[type, ...]:
    return get_args(side)


def _socket_channels() -> dict[str, Any]:
    return {
        name: {
            "address": address,
            "description": f"{doc} Close codes: {_close_codes()}.",
            "messages": _references({*_members(to), *_members(back)}),
            "bindings": {"ws": {"method": "GET"}},
        }
        for name, (address, doc, to, back) in _SOCKETS.items()
    }


def _bus_channels() -> dict[str, Any]:
    return {
        f"bus.{name}": {
            "address": subject.pattern.replace("<", "{").replace(">", "}"),
            "description": f"{subject.doc} {subject.direction}. Payload: {subject.payload}.",
            "messages": _references(_PAYLOADS.get(name, ())),
            **_parameter(subject.pattern),
            "x-personal-data": list(subject.categories),
        }
        for name, subject in subjects.SUBJECTS.items()
    }


def _parameter(pattern: str) -> dict[str, Any]:
    if "<" not in pattern:
        return {}
    name = pattern.partition("<")[2].rstrip(">")
    return {"parameters": {name: {"description": f"Names the {name}."}}}


def _operations() -> dict[str, Any]:
    operations = {}
    for name, (_, _, to, back) in _SOCKETS.items():
        for action, side in (("receive", to), ("send", back)):
            operations[f"{name}.{action}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [
                    {"$ref": f"#/channels/{name}/messages/{kind.__name__}"} for kind in _members(side)
                ],
            }
    return operations


def _references(kinds: Any) -> dict[str, Any]:
    names = sorted(kind.__name__ for kind in kinds)
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _close_codes() -> str:
    return ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Close)


def _first_line(kind: type) -> str:
    own = kind.__dict__.get("__doc__") or kind.__name__
    return own.strip().splitlines()[0]


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
    print(f"wrote {DOCUMENT.name}")
