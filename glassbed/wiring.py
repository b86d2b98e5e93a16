"""Who reacts to what, and what stands in the navigation: one readable list each."""

from django.utils.translation import gettext_noop as _

from glassbed.features.jobs import actions as jobs
from glassbed.features.jobs.events import PrintLeaves
from glassbed.features.library.events import FileLeaves
from glassbed.features.printers.events import PrinterLeaves, ShareEnds
from glassbed.features.traces import actions as traces
from glassbed.foundation.events import subscribe

SUBSCRIPTIONS = [
    (ShareEnds, lambda event: jobs.forget_waiting(event.printer, event.person)),
    (PrinterLeaves, lambda event: traces.forget_printer(event.printer)),
    (PrinterLeaves, lambda event: jobs.forget_printer(event.printer)),
    (FileLeaves, lambda event: jobs.forget_file(event.file)),
    (PrintLeaves, lambda event: traces.forget_print(event.print)),
]

NAVIGATION = [
    ("printers", _("Printers"), "printer"),
    ("files", _("Files"), "file"),
    ("history", _("History"), "history"),
]

ACCOUNT_LINKS = [
    ("settings", _("Settings"), "settings"),
    ("bridges", _("Bridges"), "cable"),
    ("own_data", _("Your data"), "eye"),
    ("choices", _("Your choices"), "shield-check"),
]

FOOTER = [
    ("privacy", _("Privacy"), ""),
    ("privacy_cookies", _("Cookie settings"), ""),
    ("choices", _("Your choices: do not sell or share"), ""),
]


def connect() -> None:
    subscribe(SUBSCRIPTIONS)
