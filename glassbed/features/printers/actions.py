"""What people do with printers. Purpose: printing, unless a function says otherwise.

A command is written down, committed, and only then sent: the bus may take seconds, a transaction may not.
"""

import hashlib
import secrets
import time
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from glassbed.features.printers import queries, rules
from glassbed.features.printers.events import PrinterLeaves, ShareEnds
from glassbed.features.printers.models import Bridge, Command, Connection, Invitation, Pairing, Printer, Share
from glassbed.foundation import gate
from glassbed.foundation.bus import bus, tell_after_commit
from glassbed.foundation.events import tell
from glassbed.foundation.ledger import note
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol import messages, subjects
from glassbed.protocol.errors import Conflict, GlassbedError, Invalid, NotFound, Unavailable
from glassbed.protocol.ids import uuid7
from glassbed.protocol.reading import State

INVITATION_DAYS = 7
BRIDGE_TIMEOUT_S = 12.0
SAID = ("software", "firmware", "model", "serial", "hostname")
DESCRIBED = (*SAID, "can")
"""What a host says of itself."""


# -- commands -------------------------------------------------------------------------------------------


def send(
    bridge: UUID,
    order: messages.Order,
    *,
    printer: UUID | None,
    expects: tuple[State, ...] = (),
    command_id: UUID | None = None,
    lease_s: float = rules.LEASE_S,
) -> messages.Result:
    """Lease an order to a bridge and wait for its answer. Outside of any purpose.

    Raises `Unavailable` when the bridge is not connected or does not answer in time.
    """
    now = time.time()
    command = messages.Command(
        id=str(command_id or uuid7()),
        order=order,
        printer=str(printer) if printer else None,
        issued_at=now,
        expires_at=now + lease_s,
        expects=expects,
    )
    try:
        answer = bus().request(
            subjects.command(str(bridge)), messages.encode(command), timeout_s=BRIDGE_TIMEOUT_S
        )
    except Unavailable as error:
        raise Unavailable(
            _("The bridge of this printer is not connected. Nothing was sent, and nothing will be.")
        ) from error
    result: messages.Result = messages.decode_from_bridge(answer)
    return result


def give(person: UUID, printer_id: UUID, kind: str) -> messages.Result:
    """Give a printer one of `rules.CONTROLS`, and write down who, when, what and how it ended. Outside of any purpose."""
    control = rules.CONTROLS.get(kind)
    if control is None:
        raise NotFound
    with purpose("printing", person=person):
        printer = queries.printer(printer_id)
        rules.require(queries.level(printer, person), control.level)
        command = record_command(printer, person, kind)
    return carry_out(person, printer, command, control.order(), control.expects)


def record_command(printer: Printer, person: UUID, kind: str) -> Command:
    return Command.objects.create(printer=printer, person_id=person, kind=kind, issued_at=timezone.now())


def carry_out(
    person: UUID,
    printer: Printer,
    command: Command,
    order: messages.Order,
    expects: tuple[State, ...],
) -> messages.Result:
    """Send a command that is written down, then write down its end. Outside of any purpose.

    Raises `Unavailable` or, where the bridge or the host said no, `Conflict` with their reason.
    """
    try:
        result = send(printer.bridge_id, order, printer=printer.pk, expects=expects, command_id=command.pk)
    except GlassbedError as error:
        _end(person, command, Command.Outcome.FAILED, str(error))
        raise
    _end(person, command, Command.Outcome(str(result.outcome)), result.reason or "")
    if result.outcome in (messages.Outcome.REFUSED, messages.Outcome.FAILED):
        raise Conflict(_(result.reason or str(Conflict())))
    return result


def _end(person: UUID, command: Command, outcome: Command.Outcome, reason: str) -> None:
    with purpose("printing", person=person):
        Command.objects.filter(pk=command.pk).update(outcome=outcome, reason=reason, ended_at=timezone.now())


# -- printers -------------------------------------------------------------------------------------------


def bind_printer(
    *,
    person: UUID,
    bridge_id: UUID,
    name: str,
    driver: str,
    address: str,
    key: str | None,
    printer_id: UUID | None = None,
) -> Printer:
    """Let the bridge try the host with this key, then keep the printer. The key is passed on, never stored.

    Outside of any purpose. Raises `Invalid` with the host's own words when it does not answer or accept.
    """
    with purpose("printing", person=person):
        bridge = queries.bridge(bridge_id)
    printer = Printer(
        id=printer_id or uuid7(), owner_id=person, bridge=bridge, name=name, driver=driver, address=address
    )
    facts = _try(printer, key)
    with purpose("printing", person=person):
        describe(printer, facts)
        printer.save(force_insert=True)
        note("printer_bound", person=person, printer=printer.pk, bridge=bridge.pk)
        _tell_bridge(bridge.pk)
    return printer


def bind_again(person: UUID, printer_id: UUID, *, bridge_id: UUID, address: str, key: str | None) -> None:
    """Give a bound printer a new address, key or bridge. What belongs to it stays; a host that refuses changes nothing.

    Outside of any purpose. Raises as `bind_printer` does.
    """
    with purpose("printing", person=person):
        printer = queries.printer(printer_id)
        rules.require(queries.level(printer, person), Level.OWNER)
        before, printer.bridge, printer.address = printer.bridge_id, queries.bridge(bridge_id), address
    facts = _try(printer, key)
    with purpose("printing", person=person):
        queries.printer(printer_id)  # removed meanwhile?
        describe(printer, facts)
        printer.save(update_fields=["bridge", "address", *DESCRIBED])
        note("printer_bound", person=person, printer=printer_id, bridge=bridge_id)
        for bridge in {before, bridge_id}:
            _tell_bridge(bridge)
        _access_changed(printer_id)


def _try(printer: Printer, key: str | None) -> messages.HostFacts:
    """Let the bridge try a printer's host, and keep address and key if it is let in."""
    order = messages.Bind(printer=queries.as_message(printer), key=key or None)
    result = send(printer.bridge_id, order, printer=None)
    if result.outcome is not messages.Outcome.DONE:
        raise Invalid(_(result.reason or str(Invalid())))
    return result.facts or messages.HostFacts()


def describe(printer: Printer, facts: messages.HostFacts) -> None:
    """Take over what the host says of itself; what it leaves out stays as it was."""
    for field in SAID:
        if value := getattr(facts, field):
            setattr(printer, field, value)
    if facts.can:
        printer.can = list(facts.can)


def change_printer(
    printer: Printer, person: UUID, *, name: str, keep_history: bool, keep_trace: bool
) -> None:
    rules.require(queries.level(printer, person), Level.OWNER)
    printer.name, printer.keep_history, printer.keep_trace = name, keep_history, keep_trace
    printer.save(update_fields=["name", "keep_history", "keep_trace"])
    _tell_bridge(printer.bridge_id)


def remove_printer(printer: Printer, person: UUID) -> None:
    """Remove a printer with its history, its shares and its connections."""
    rules.require(queries.level(printer, person), Level.OWNER)
    printer_id, bridge_id = printer.pk, printer.bridge_id
    tell(PrinterLeaves(printer_id))
    for model in (Command, Connection, Invitation, Share):
        model.objects.filter(printer=printer_id).delete()
    printer.delete()
    note("printer_removed", person=person, printer=printer_id)
    _tell_bridge(bridge_id)
    _access_changed(printer_id)


def _tell_bridge(bridge_id: UUID) -> None:
    payload = queries.served_payload(bridge_id)
    tell_after_commit(subjects.printers(str(bridge_id)), payload)


def _access_changed(printer_id: UUID) -> None:
    tell_after_commit(subjects.access(str(printer_id)))


def tell_change(printer_id: UUID | None, what: str) -> None:
    """Let open pages fetch again what they show of a printer's `what`; of none, nothing is shown."""
    if printer_id is None:
        return
    payload = messages.encode(messages.Changed(printer=str(printer_id), what=what))
    tell_after_commit(subjects.changed(str(printer_id)), payload)


# -- bridges -------------------------------------------------------------------------------------------


def approve_pairing(pairing: Pairing, person: UUID, *, name: str, as_of: datetime) -> Bridge:
    """Make a waiting bridge the person's. Purpose: pairing. Raises `Conflict` when its code is used or old."""
    if pairing.bridge_id or pairing.refused_at or pairing.expires_at < as_of:
        raise Conflict(_("This code is used or too old. Start the pairing again at the bridge."))
    bridge = Bridge.objects.create(
        owner_id=person,
        name=name or pairing.name,
        public_key=pairing.public_key,
        version=pairing.version,
        platform=pairing.platform,
        is_local=pairing.is_local,
    )
    pairing.bridge, pairing.person_id = bridge, person
    pairing.save(update_fields=["bridge", "person"])
    note("bridge_paired", person=person, bridge=bridge.pk)
    return bridge


def adopt_local_bridge(person: UUID, *, as_of: datetime) -> Bridge | None:
    """Make the bridge of the server's own machine the person's, once for who clicks twice. Purpose: pairing."""
    waiting = queries.waiting_local_bridges().select_for_update().first()
    if waiting is not None:
        return approve_pairing(waiting, person, name=_("This machine"), as_of=as_of)
    return Bridge.objects.filter(owner=person, is_local=True, revoked_at=None).first()


def refuse_pairing(pairing: Pairing, *, as_of: datetime) -> None:
    """Purpose: pairing."""
    pairing.refused_at = as_of
    pairing.save(update_fields=["refused_at"])


def revoke_bridge(bridge: Bridge, person: UUID) -> None:
    """Take a bridge its rights; its link ends at once. Its printers stay, unreachable."""
    bridge.revoked_at = timezone.now()
    bridge.save(update_fields=["revoked_at"])
    note("bridge_revoked", person=person, bridge=bridge.pk)
    tell_after_commit(subjects.revoke(str(bridge.pk)))


# -- sharing -------------------------------------------------------------------------------------------


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def invite(printer: Printer, person: UUID, level: Level) -> str:
    """Return the token of a new invitation. It is shown once; only its hash is kept."""
    rules.require(queries.level(printer, person), Level.OWNER)
    token = secrets.token_urlsafe(24)
    Invitation.objects.create(
        printer=printer,
        owner_id=person,
        level=level,
        token_hash=hashed(token),
        expires_at=timezone.now() + timedelta(days=INVITATION_DAYS),
    )
    return token


def accept_invitation(token: str, person: UUID, *, as_of: datetime) -> Printer:
    """Give the person the printer of an invitation, once. Purpose: sharing. Raises `NotFound`."""
    invitation = (
        Invitation.objects.select_for_update(of=("self",))  # two who open it at once: one gets it
        .select_related("printer")
        .filter(token_hash=hashed(token), expires_at__gt=as_of)
        .first()
    )
    if invitation is None:
        raise NotFound(_("This invitation was used, withdrawn, or is too old. Ask for a new one."))
    printer: Printer = invitation.printer
    if printer.owner_id != person:
        given = {"level": invitation.level, "owner_id": printer.owner_id}
        share, is_new = Share.objects.get_or_create(printer=printer, person_id=person, defaults=given)
        if not is_new and share.level < invitation.level:  # an invitation takes nobody what they may already
            share.level = invitation.level
            share.save(update_fields=["level"])
        note("share_accepted", person=person, printer=printer.pk, level=invitation.level)
        shown = {"printer": printer.pk, "level": invitation.level}
        gate.record("share", shown, person=printer.owner_id, printer=printer.pk, share=share.pk)
        Invitation.objects.filter(pk=invitation.pk).delete()
        _access_changed(printer.pk)
    return printer


def end_share(share: Share, person: UUID) -> None:
    """End a share: by the printer's owner, or by whoever it was given to."""
    printer_id = share.printer_id
    tell(ShareEnds(printer=printer_id, person=share.person_id))
    note("share_ended", person=share.person_id, printer=printer_id, by=person)
    share.delete()
    _access_changed(printer_id)
