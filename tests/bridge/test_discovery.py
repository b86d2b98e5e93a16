import socket

import pytest
from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from glassbed.bridge.discovery import discover
from glassbed.drivers.simulated.driver import SimulatedDriver
from glassbed.protocol.messages import Found


class AnnouncedDriver(SimulatedDriver):
    name = "announced"
    mdns_type = "_glassbedtest._tcp.local."


@pytest.fixture
async def announced():
    """A host that really announces itself, on the loopback network only."""
    network = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    info = ServiceInfo(
        AnnouncedDriver.mdns_type,
        f"Workshop.{AnnouncedDriver.mdns_type}",
        addresses=[socket.inet_aton("127.0.0.1")],
        port=5000,
        properties={"version": "1.11"},
        server="workshop.local.",
    )
    await (await network.async_register_service(info))
    yield
    await network.async_close()


async def test_a_host_that_announces_itself_is_found(announced):
    found = await discover({"announced": AnnouncedDriver}, seconds=1, interfaces=["127.0.0.1"])
    assert found == (Found(driver="announced", address="http://127.0.0.1:5000", name="Workshop"),)


async def test_where_nobody_announces_himself_nothing_is_found(announced):
    class Silent(SimulatedDriver):
        mdns_type = "_glassbednobody._tcp.local."

    assert await discover({"silent": Silent}, seconds=0.3, interfaces=["127.0.0.1"]) == ()
    assert await discover({"simulated": SimulatedDriver}) == ()
