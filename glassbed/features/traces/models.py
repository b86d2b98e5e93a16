"""A minute of a print's temperatures, as protocol.trace packs them."""

from django.conf import settings
from django.db import models

from glassbed.features.jobs.models import Print
from glassbed.features.printers.models import Printer
from glassbed.foundation.models import Key


class Chunk(models.Model):
    """Up to 60 samples. The key is (print, minute): the same chunk sent twice is kept once."""

    pk = models.CompositePrimaryKey("print_id", "minute")
    print = Key(Print, related_name="chunks")
    minute = models.PositiveIntegerField()  # counted from the start of the print
    # copied from the print for the row policies; the print's own key holds them, two more checks a row would not
    printer = Key(Printer, related_name="+", db_constraint=False)
    person = Key(settings.AUTH_USER_MODEL, related_name="+", db_constraint=False)
    samples = models.BinaryField()

    class Meta:
        db_table = "traces_chunk"
