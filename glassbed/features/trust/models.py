"""Decisions, holds, versions of the policy, and how its controls stood."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from glassbed.features.accounts.models import Person
from glassbed.foundation.models import Key
from glassbed.protocol.ids import uuid7


class Decision(models.Model):
    """What somebody allowed or refused, and the words that they saw. A trigger lets it hold from the next query on."""

    class By(models.TextChoices):
        PERSON = "person", _("you")
        SIGNAL = "signal", _("your browser's signal")
        LINK = "link", _("the link in a mail")

    id = models.UUIDField(primary_key=True, default=uuid7)
    person = Key(Person, related_name="+")
    choice = models.CharField(max_length=30)  # the pack's choice
    activity = models.CharField(max_length=30)  # what it opens or stops
    open = models.BooleanField()
    by = models.CharField(max_length=10, choices=By, default=By.PERSON)
    at = models.DateTimeField()
    until = models.DateTimeField(null=True)  # when a consent has to be asked again
    policy = models.CharField(max_length=100)  # pack and version
    digest = models.CharField(max_length=64)  # of the pack, SHA-256 hex
    language = models.CharField(max_length=10)
    words = models.TextField()

    class Meta:
        db_table = "trust_decision"
        indexes = [models.Index(fields=["person", "choice", "-at"], name="trust_decision_latest")]

    def is_open_at(self, moment: datetime) -> bool:
        """Whether it allows something at a moment: a consent runs out."""
        return self.open and (self.until is None or self.until > moment)


class PolicyVersion(models.Model):
    """A version of the policy as it was applied, whole, so that any past one can be read. Written by `prepare`."""

    digest = models.CharField(max_length=64, primary_key=True)  # SHA-256 hex of what it means
    pack = models.CharField(max_length=30)
    version = models.CharField(max_length=40)
    published_at = models.DateTimeField()
    new_people = models.DateField()
    existing_people = models.DateField()
    content = models.TextField()  # JSON, as glassbed.policy.pack.encoded writes it

    class Meta:
        db_table = "trust_policyversion"


class Verification(models.Model):
    """How a control stood when it was last tried: whether it held, and whether it found a planted violation."""

    control = models.CharField(max_length=30, primary_key=True)
    at = models.DateTimeField()
    held = models.BooleanField()
    found_planted = models.BooleanField()
    said = models.TextField(blank=True)  # what was found, in words

    class Meta:
        db_table = "trust_verification"


class Hold(models.Model):
    """Why a person's data may be used for nothing but what the pack lists `despite` it."""

    class Kind(models.TextChoices):
        RESTRICTION = "restriction", _("restricted")
        MISSING_GUARDIAN = "missing_guardian", _("waits for a guardian")

    id = models.UUIDField(primary_key=True, default=uuid7)
    person = Key(Person, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    ground = models.CharField(max_length=40)
    since = models.DateTimeField()

    class Meta:
        db_table = "trust_hold"
        constraints = [models.UniqueConstraint(fields=["person", "kind"], name="trust_hold_once")]
