"""The button that makes a living product within a minute: this machine's bridge, a printer, a print."""

from datetime import timedelta

import people
import pytest
from django.utils import timezone
from features.on_the_bus import ConnectedBridge

from glassbed.drivers.simulated import DEMO_FILE
from glassbed.features.jobs.models import Print
from glassbed.features.printers.models import Bridge, Pairing, Printer
from glassbed.foundation.purpose import purpose
from glassbed.protocol.ids import uuid7
from glassbed.protocol.messages import Bind, HostFacts, Outcome
from glassbed.protocol.messages import Print as PrintOrder
from glassbed.web import demo

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]


@pytest.fixture
def operator(servers):
    """An operator, and no bridge of this machine that waits."""
    with servers.superuser() as admin:
        admin.execute("DELETE FROM printers_pairing WHERE is_local")
    return people.make_person(is_operator=True)


class BridgeOfThisMachine(ConnectedBridge):
    """Binds at once and begins what it is given; the first so many orders find it not ready."""

    def __init__(self, bridge, refusals=0):
        super().__init__(bridge, Outcome.DONE, facts=HostFacts(model="Simulated"))
        self._refusals = refusals

    def answer(self, payload):
        done = super().answer(payload)
        if len(self.commands) > self._refusals:
            return done
        return done.replace(b'"done"', b'"refused"')


def wait(**fields):
    with purpose("pairing"):
        return Pairing.objects.create(
            code=uuid7().hex[-9:],
            public_key=uuid7().bytes * 2,
            name="This machine",
            version="1",
            is_local=True,
            expires_at=timezone.now() + timedelta(days=1),
            **fields,
        )


def of(person, model):
    with purpose("printing", person=person.pk):
        return list(model.objects.all())


def test_the_demo_binds_the_simulated_printer_and_prints_the_shipped_file(operator):
    bridge = people.make_bridge(operator, is_local=True).bridge
    browser = people.browser_of(operator)
    with BridgeOfThisMachine(bridge.pk) as there:
        response = browser.post("/printers/demo/")
    (printer,) = of(operator, Printer)
    assert response["Location"] == f"/printers/{printer.pk}/"
    assert (printer.driver, printer.address, printer.model) == ("simulated", demo.ADDRESS, "Simulated")
    (begun,) = of(operator, Print)
    assert (begun.state, begun.file_name) == ("sending", DEMO_FILE.name)
    bind, start = (command.order for command in there.commands)
    assert (type(bind), bind.key) == (Bind, None)
    assert (type(start), start.size_bytes) == (PrintOrder, DEMO_FILE.stat().st_size)
    download = browser.get(f"/files/{begun.file_id}/download")
    assert b"".join(download.streaming_content) == DEMO_FILE.read_bytes()


def test_a_bridge_that_is_on_its_way_is_given_time(operator):
    bridge = people.make_bridge(operator, is_local=True).bridge
    with BridgeOfThisMachine(bridge.pk, refusals=1) as there:
        people.browser_of(operator).post("/printers/demo/")
    assert [type(command.order) for command in there.commands] == [Bind, Bind, PrintOrder]


def test_a_bridge_that_never_comes_is_told_after_a_while(operator, monkeypatch):
    monkeypatch.setattr(demo, "PATIENCE_S", 0.0)
    people.make_bridge(operator, is_local=True)
    response = people.browser_of(operator).post("/printers/demo/")
    assert response.status_code == 503
    assert "is not connected" in response.content.decode()
    assert of(operator, Printer) == []


def test_the_waiting_bridge_of_this_machine_is_adopted_first(operator, monkeypatch):
    monkeypatch.setattr(demo, "PATIENCE_S", 0.0)
    waiting = wait()
    people.browser_of(operator).post("/printers/demo/")
    with purpose("pairing"):
        waiting.refresh_from_db()
    (adopted,) = of(operator, Bridge)
    assert (waiting.bridge_id, waiting.person_id, adopted.is_local) == (adopted.pk, operator.pk, True)


@pytest.mark.parametrize("state", ["none", "revoked", "another", "refused"])
def test_without_the_bridge_of_this_machine_the_demo_says_what_to_start(operator, state):
    bridge = people.make_bridge(operator, is_local=state != "another").bridge if state != "none" else None
    if state in ("revoked", "refused"):
        people.browser_of(operator).post(f"/bridges/{bridge.pk}/revoke/")
    if state == "refused":
        wait(refused_at=timezone.now())
    response = people.browser_of(operator).post("/printers/demo/")
    assert response.status_code == 503
    assert "Start Glassbed with its local bridge" in response.content.decode()
    assert of(operator, Printer) == []


def test_the_demo_is_the_operators(operator):
    other = people.make_person()
    people.make_bridge(other, is_local=True)
    assert people.browser_of(other).post("/printers/demo/").status_code == 403
    assert of(other, Printer) == []
