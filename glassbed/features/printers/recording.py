"""What bridges report of connections and faults. Purpose: recording."""

from datetime import UTC, datetime

from glassbed.features.printers.actions import DESCRIBED, describe, tell_change
from glassbed.features.printers.models import Connection, Printer
from glassbed.protocol import messages

CONNECTIONS = "connections"


def connected(printer: Printer, report: messages.Connected) -> None:
    """Open a connection and take over what the host says of itself."""
    Connection.objects.get_or_create(
        id=report.connection_id,
        defaults={
            "printer": printer,
            "owner_id": printer.owner_id,
            "since": datetime.fromtimestamp(report.since, UTC),
        },
    )
    describe(printer, report.facts)
    printer.save(update_fields=DESCRIBED)
    tell_change(printer.pk, CONNECTIONS)


def disconnected(printer: Printer, report: messages.Disconnected) -> None:
    until = datetime.fromtimestamp(report.until, UTC)
    Connection.objects.filter(pk=report.connection_id, printer=printer, until=None).update(until=until)
    tell_change(printer.pk, CONNECTIONS)


def faulted(printer: Printer, report: messages.Fault) -> None:
    """Keep the latest fault with the connection in which it happened."""
    at = datetime.fromtimestamp(report.at, UTC)
    Connection.objects.filter(printer=printer, until=None).update(fault=report.message, fault_at=at)
    tell_change(printer.pk, CONNECTIONS)
