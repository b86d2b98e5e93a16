"""A file of a person: its bytes are in the blob store, encrypted; here is what its slicer says."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from glassbed.foundation.models import Key
from glassbed.protocol.ids import uuid7


class File(models.Model):
    """A G-code file. Its blob, and that of its thumbnail, have the ids `id` and `thumbnail`."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    owner = Key(settings.AUTH_USER_MODEL, related_name="files")
    name = models.CharField(_("Name"), max_length=120)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_at = models.DateTimeField(default=timezone.now)
    thumbnail = models.UUIDField(null=True)
    slicer = models.CharField(max_length=80, blank=True)
    estimated_s = models.PositiveIntegerField(null=True)
    filament_mm = models.FloatField(null=True)
    filament_g = models.FloatField(null=True)
    filament_type = models.CharField(max_length=40, blank=True)
    layers = models.PositiveIntegerField(null=True)
    layer_height_mm = models.FloatField(null=True)
    height_mm = models.FloatField(null=True)
    nozzle_c = models.FloatField(null=True)
    bed_c = models.FloatField(null=True)
    printer_model = models.CharField(max_length=80, blank=True)

    class Meta:
        db_table = "library_file"
        indexes = [models.Index(fields=["owner", "-uploaded_at"], name="file_recent")]

    def __str__(self) -> str:
        return self.name
