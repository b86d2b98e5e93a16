"""A living product within a minute: the simulated printer on this machine's bridge, printing a shipped file."""

import hashlib
import io
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID, uuid5

from django.db import IntegrityError
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from glassbed.drivers.simulated import DEMO_FILE
from glassbed.features.accounts.request import SignedIn
from glassbed.features.jobs import actions as jobs
from glassbed.features.library import gcode
from glassbed.features.library.models import File
from glassbed.features.library.upload import Received, store
from glassbed.features.library.views import keep_received
from glassbed.features.printers import actions as printers
from glassbed.features.printers import queries
from glassbed.features.printers.models import Bridge
from glassbed.foundation.blobs import blob_key
from glassbed.foundation.keys import data_key
from glassbed.foundation.purpose import for_purpose, purpose
from glassbed.protocol.errors import GlassbedError, NotAllowed, Unavailable
from glassbed.protocol.ids import uuid7

PATIENCE_S = 15.0
_T = TypeVar("_T")
ADDRESS = "simulated://demo?speed=20"


@for_purpose("printing", opens=False)
@require_POST
def start_demo(request: SignedIn) -> HttpResponseBase:
    """Adopt this machine's bridge if it waits, bind the simulated printer, and print the shipped file on it."""
    if not request.user.is_operator:
        raise NotAllowed
    person = request.user.pk
    bridge = _local_bridge(person)
    printer_id = _bound_before(person, bridge)
    if printer_id is None:
        printer_id = uuid5(bridge.pk, ADDRESS)  # the same for whoever clicks twice
        if _binds(printer_id, person, bridge):
            _print_shipped_file(printer_id, person)
    return redirect("printer", printer_id)


def _local_bridge(person: UUID) -> Bridge:
    with purpose("pairing", person=person):
        mine = printers.adopt_local_bridge(person, as_of=timezone.now())
    if mine is None:
        raise Unavailable(
            _("The bridge on this machine is not running. Start Glassbed with its local bridge.")
        )
    return mine


def _bound_before(person: UUID, bridge: Bridge) -> UUID | None:
    with purpose("printing", person=person):
        bound = queries.printers().filter(bridge=bridge, driver="simulated")
        return bound.values_list("id", flat=True).first()


def _binds(printer_id: UUID, person: UUID, bridge: Bridge) -> bool:
    """Bind the simulated printer, unless another click was faster."""
    try:
        _patiently(
            lambda: printers.bind_printer(
                person=person,
                bridge_id=bridge.pk,
                name=_("Demo printer"),
                driver="simulated",
                address=ADDRESS,
                key=None,
                printer_id=printer_id,
            )
        )
    except IntegrityError:
        return False
    return True


def _print_shipped_file(printer_id: UUID, person: UUID) -> None:
    file = _shipped_file(person)
    with purpose("printing", person=person):
        waiting = jobs.add_to_queue(queries.printer(printer_id), file, person)
    _patiently(lambda: jobs.start(waiting.pk, person))


def _shipped_file(person: UUID) -> File:
    content = DEMO_FILE.read_bytes()
    with purpose("printing", person=person):
        key = data_key(person)
    blob_id = uuid7()
    with store().write(blob_id, blob_key(key, blob_id)) as writer:
        writer.write(content)
    header = gcode.read_header(io.BytesIO(content), len(content))
    received = Received(blob_id, DEMO_FILE.name, len(content), hashlib.sha256(content).hexdigest(), header)
    return keep_received(received, person, key)


def _patiently(step: Callable[[], _T]) -> _T:
    """Try again while the bridge, just adopted, is still on its way."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return step()
        except GlassbedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
