"""Finds printer hosts that announce themselves on the bridge's network, by mDNS. Asks for 3 s, then is silent."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from glassbed.drivers.interface import Driver
from glassbed.protocol.messages import Found

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo

SEARCH_S = 3.0
_RESOLVE_MS = 1000
_LIMIT = 100


async def discover(
    drivers: Mapping[str, type[Driver]], *, seconds: float = SEARCH_S, interfaces: Sequence[str] | None = None
) -> tuple[Found, ...]:
    """Name what the drivers' service types announce. Raises OSError where the network has no multicast."""
    from zeroconf import InterfaceChoice, IPVersion, ServiceStateChange, Zeroconf
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

    by_type = {driver.mdns_type: driver for driver in drivers.values() if driver.mdns_type}
    seen: dict[tuple[str, str], None] = {}

    def note(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        del zeroconf
        if state_change is not ServiceStateChange.Removed and len(seen) < _LIMIT:
            seen[service_type, name] = None

    if not by_type:
        return ()
    where = list(interfaces) if interfaces else InterfaceChoice.All
    network = AsyncZeroconf(interfaces=where, ip_version=IPVersion.V4Only)
    try:
        browser = AsyncServiceBrowser(network.zeroconf, list(by_type), handlers=[note])
        await asyncio.sleep(seconds)
        await browser.async_cancel()
        infos = [AsyncServiceInfo(service_type, name) for service_type, name in seen]
        await asyncio.gather(*(info.async_request(network.zeroconf, _RESOLVE_MS) for info in infos))
    finally:
        await network.async_close()
    found = {_found(by_type[info.type], info): None for info in infos}
    return tuple(host for host in found if host is not None)


def _found(driver: type[Driver], info: "AsyncServiceInfo") -> Found | None:
    addresses = info.parsed_addresses()
    if not addresses or not info.port:
        return None
    properties = {key: value for key, value in info.decoded_properties.items() if value is not None}
    name = info.name.removesuffix("." + info.type)
    return driver.announced(name, addresses[0], info.port, properties)
