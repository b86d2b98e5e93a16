"""Buttons that are pressed twice: one bridge, one printer, one print, and no error page."""

import people
import pytest
from django.db import connection
from features.test_at_once import meanwhile
from web.test_demo import BridgeOfThisMachine, of, operator, wait

from glassbed.features.jobs.models import Print
from glassbed.features.printers.models import Bridge, Printer
from glassbed.protocol.messages import Bind

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
FIXTURES = (meanwhile, operator)


class FasterClick(BridgeOfThisMachine):
    """While it binds, another click on the same button has bound the same printer."""

    def __init__(self, bridge, person):
        super().__init__(bridge.pk)
        self._bridge, self._person = bridge, person

    def answer(self, payload):
        done = super().answer(payload)
        (bind,) = (command.order for command in self.commands if isinstance(command.order, Bind))
        people.make_printer(self._person, self._bridge, id=bind.printer.id, driver="simulated")
        connection.close()
        return done


def test_the_demo_pressed_twice_makes_one_printer_and_one_print(operator):
    """The faster click has bound the printer and goes on to print; the slower one only leads there."""
    bridge = people.make_bridge(operator, is_local=True).bridge
    with FasterClick(bridge, operator) as there:
        response = people.browser_of(operator).post("/printers/demo/")
    (printer,) = of(operator, Printer)
    assert (response.status_code, response["Location"]) == (302, f"/printers/{printer.pk}/")
    assert len(there.commands) == 1
    assert of(operator, Print) == []


def test_the_demo_pressed_again_leads_to_the_printer_that_is_there(operator):
    bridge = people.make_bridge(operator, is_local=True).bridge
    printer = people.make_printer(operator, bridge, driver="simulated")
    response = people.browser_of(operator).post("/printers/demo/")
    assert response["Location"] == f"/printers/{printer.pk}/"
    assert of(operator, Print) == []


def test_the_bridge_of_this_machine_is_adopted_once(operator, meanwhile):
    waiting = wait()
    adopted = people.make_bridge(operator, is_local=True).bridge
    browser = people.browser_of(operator)
    answer = meanwhile(
        lambda: browser.post("/bridges/local/"),
        "UPDATE printers_pairing SET bridge_id = %s WHERE id = %s",
        *(adopted.pk, waiting.pk),
    )
    assert answer.status_code == 302
    assert of(operator, Bridge) == [adopted]


def test_a_page_of_somebody_who_runs_nothing_here_looks_for_no_bridge_that_waits(monkeypatch):
    from glassbed.foundation import purpose as module

    opened, real = [], module._opened

    def noted(name, *rest):
        opened.append(name)
        return real(name, *rest)

    browser = people.browser_of(people.make_person())
    monkeypatch.setattr(module, "_opened", noted)
    for path in ("/", "/bridges/"):
        browser.get(path)
    assert set(opened) == {"sign_in", "printing"}
