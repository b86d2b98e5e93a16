"""Bridges, printers, shares, invitations, connections and commands."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from glassbed.foundation.models import Key
from glassbed.policy.binding import Level
from glassbed.protocol.ids import uuid7

LEVELS = [
    (int(Level.VIEWER), _("May watch")),
    (int(Level.OPERATOR), _("May watch and print")),
]


class Bridge(models.Model):
    """The small program on the printers' network. Its private key never leaves it."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    owner = Key(settings.AUTH_USER_MODEL, related_name="bridges")
    name = models.CharField(_("Name"), max_length=60)
    public_key = models.BinaryField(unique=True)  # Ed25519, 32 bytes
    version = models.CharField(max_length=40)
    platform = models.CharField(max_length=80, blank=True)
    is_local = models.BooleanField(default=False)  # runs on the server's own machine
    paired_at = models.DateTimeField(default=timezone.now)
    last_ticket_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "printers_bridge"

    def __str__(self) -> str:
        return self.name


class Pairing(models.Model):
    """A bridge that asks to be somebody's, until its code is typed, refused or old."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    code = models.CharField(max_length=9, unique=True)  # ABCD-EFGH
    public_key = models.BinaryField()
    name = models.CharField(max_length=60)
    version = models.CharField(max_length=40)
    platform = models.CharField(max_length=80, blank=True)
    is_local = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    refused_at = models.DateTimeField(null=True)
    bridge = Key(Bridge, null=True, related_name="+")
    person = Key(settings.AUTH_USER_MODEL, null=True, related_name="+")  # who approved

    class Meta:
        db_table = "printers_pairing"


class Printer(models.Model):
    """A printer behind a bridge. The key of its host is at the bridge, not here."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    owner = Key(settings.AUTH_USER_MODEL, related_name="printers")
    bridge = Key(Bridge, related_name="printers")
    name = models.CharField(_("Name"), max_length=60)
    driver = models.CharField(max_length=30)
    address = models.CharField(_("Address"), max_length=255)
    software = models.CharField(max_length=255, blank=True)
    firmware = models.CharField(max_length=255, blank=True)
    model = models.CharField(max_length=255, blank=True)
    serial = models.CharField(max_length=255, blank=True)
    hostname = models.CharField(max_length=255, blank=True)
    can = models.JSONField(default=list)  # capabilities, see drivers.interface.Capability
    keep_history = models.BooleanField(_("Keep a history of prints"), default=True)
    keep_trace = models.BooleanField(_("Keep temperatures of prints"), default=True)
    activated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "printers_printer"
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Share(models.Model):
    """Somebody else who may use a printer."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    printer = Key(Printer, related_name="shares")
    owner = Key(settings.AUTH_USER_MODEL, related_name="+")  # of the printer; binds the row to both
    person = Key(settings.AUTH_USER_MODEL, related_name="shares")
    level = models.PositiveSmallIntegerField(choices=LEVELS)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "printers_share"
        constraints = [
            models.UniqueConstraint(fields=["printer", "person"], name="share_once"),
            models.CheckConstraint(condition=models.Q(level__in=(1, 2)), name="share_below_owner"),
        ]


class Invitation(models.Model):
    """A link that lets whoever opens it use a printer, once."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    printer = Key(Printer, related_name="invitations")
    owner = Key(settings.AUTH_USER_MODEL, related_name="+")
    level = models.PositiveSmallIntegerField(choices=LEVELS)
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "printers_invitation"
        constraints = [
            models.CheckConstraint(condition=models.Q(level__in=(1, 2)), name="invitation_below_owner")
        ]


class Connection(models.Model):
    """A time during which a bridge reached a printer's host."""

    id = models.UUIDField(primary_key=True)  # made by the bridge
    printer = Key(Printer, related_name="connections")
    owner = Key(settings.AUTH_USER_MODEL, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    fault = models.CharField(max_length=2000, blank=True)  # the latest, in the host's own words
    fault_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "printers_connection"
        indexes = [models.Index(fields=["printer", "-since"], name="connection_recent")]


class Command(models.Model):
    """A command that somebody gave: who, when, what, and how it ended. Never queued, never sent again."""

    class Outcome(models.TextChoices):
        SENT = "sent", _("Sent")
        DONE = "done", _("Done")
        ACCEPTED = "accepted", _("Begun")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid7)
    printer = Key(Printer, related_name="commands")
    person = Key(settings.AUTH_USER_MODEL, related_name="+")
    kind = models.CharField(max_length=20)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.SENT)
    reason = models.CharField(max_length=2000, blank=True)
    issued_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "printers_command"
        indexes = [models.Index(fields=["printer", "-issued_at"], name="command_recent")]
