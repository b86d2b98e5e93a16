"""A print: waiting in a printer's queue, under way, or in the history."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from glassbed.features.library.models import File
from glassbed.features.printers.models import Printer
from glassbed.foundation.models import Key
from glassbed.protocol.ids import uuid7


class Print(models.Model):
    """One print on one printer. Begun here or at the printer itself."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        SENDING = "sending", _("Sending")  # handed to the bridge
        PRINTING = "printing", _("Printing")
        COMPLETED = "completed", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7)
    printer = Key(
        Printer, null=True, related_name="prints"
    )  # None where a share has ended and hides the printer
    person = Key(settings.AUTH_USER_MODEL, related_name="prints")  # who ordered it; else the printer's owner
    file = Key(File, null=True, related_name="prints")
    file_name = models.CharField(max_length=255)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    at_printer = models.BooleanField(default=False)
    position = models.FloatField(null=True)  # in the queue, ascending
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    progress_ratio = models.FloatField(null=True)
    duration_s = models.PositiveIntegerField(null=True)
    filament_mm = models.FloatField(null=True)
    reason = models.CharField(max_length=2000, blank=True)

    ENDED = (State.COMPLETED, State.CANCELLED, State.FAILED)
    UNDER_WAY = (State.SENDING, State.PRINTING)

    class Meta:
        db_table = "jobs_print"
        indexes = [
            models.Index(fields=["printer", "-created_at"], name="print_recent"),
            models.Index(fields=["person", "-created_at"], name="print_of_person"),
        ]

    def __str__(self) -> str:
        return self.file_name
