"""Who a Moonraker host is, from what it says of itself. Pure."""

from typing import Any

import msgspec

from glassbed.drivers.moonraker.wire import ServerInfo, Subscribed, convert, result
from glassbed.protocol.messages import HostFacts

_NAME_LIMIT = 255


class PrinterInfo(msgspec.Struct, frozen=True):
    state_message: str = ""
    app: str = "Klipper"
    software_version: str | None = None
    hostname: str | None = None


class _Mcu(msgspec.Struct, frozen=True):
    mcu_version: str | None = None


class _Item(msgspec.Struct, frozen=True):
    value: Any = None


NAME_PATHS = (
    "/server/database/item?namespace=mainsail&key=general.printername",
    "/server/database/item?namespace=fluidd&key=uiSettings.general.instanceName",
)
"""Where the two usual front ends keep the name that a person gave the printer."""


def given_name(body: bytes) -> str | None:
    value = result(body, _Item).value
    return _name(value) if isinstance(value, str) else None


def firmware(boards: bytes) -> str | None:
    """Return the version of the main board's firmware from a query of `mcu`."""
    return convert(result(boards, Subscribed).status.get("mcu", {}), _Mcu).mcu_version


def host_facts(
    server: ServerInfo,
    printer: PrinterInfo | None,
    firmware_version: str | None,
    given: str | None,
    can: tuple[str, ...],
) -> HostFacts:
    """Say who the host is. Without `printer` (Klipper not running) only Moonraker speaks."""
    software = f"Moonraker {server.moonraker_version}".strip()
    if printer:
        version = printer.software_version if printer.software_version != "?" else None
        software += f" / {printer.app} {version or ''}".rstrip()
    return HostFacts(
        software=software[:_NAME_LIMIT],
        firmware=_name(firmware_version),
        model=given,
        hostname=_name(printer.hostname if printer else None),
        can=can,
    )


def _name(value: str | None) -> str | None:
    return (value or "").strip()[:_NAME_LIMIT] or None
