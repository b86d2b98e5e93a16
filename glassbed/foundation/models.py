"""Tables of the foundation itself: data keys, the ledger, and mails on their way."""

from typing import Any

from django.conf import settings
from django.db import models

from glassbed.protocol.ids import uuid7


class Key(models.ForeignKey):  # type: ignore[type-arg]  # generic only in the stubs
    """A foreign key that the database checks at commit and never cascades: it would delete rows unseen."""

    def __init__(self, to: Any, on_delete: Any = models.DO_NOTHING, **options: Any) -> None:
        super().__init__(to, on_delete, **options)


class DataKey(models.Model):
    """The key of one person, wrapped by the key outside of the database. Deleting it makes files unreadable."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, primary_key=True, related_name="data_key"
    )
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "foundation_datakey"


class LedgerEntry(models.Model):
    """A sealed link of the chain: no person, no content, only the digest of what stands in `LedgerNote`."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    note_digest = models.BinaryField()  # SHA-256(salt ‖ payload)
    chain = models.BinaryField()  # SHA-256(previous chain ‖ seq ‖ at ‖ kind ‖ note_digest)

    class Meta:
        db_table = "foundation_ledgerentry"


class LedgerNote(models.Model):
    """What an entry says, as ids. Erased with its person; the chain still verifies."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    seq = models.BigIntegerField(null=True, unique=True)  # set by the sealer
    person = Key(settings.AUTH_USER_MODEL, null=True, related_name="+")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    salt = models.BinaryField()
    payload = models.JSONField()

    class Meta:
        db_table = "foundation_ledgernote"
        indexes = [models.Index(fields=["at"], name="ledgernote_unsealed", condition=models.Q(seq=None))]


class Mail(models.Model):
    """A mail to one address, until it is delivered or its period ends."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    person = Key(settings.AUTH_USER_MODEL, null=True, related_name="+")
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField(db_index=True)
    sent_at = models.DateTimeField(null=True)
    way = models.CharField(max_length=30, default="mail")  # the disclosure by which it leaves
    unsubscribe = models.CharField(max_length=600, blank=True)  # the link that stops what it is one of
    tries = models.PositiveSmallIntegerField(default=0)  # that were due so far; made, or missed

    class Meta:
        db_table = "foundation_mail"
