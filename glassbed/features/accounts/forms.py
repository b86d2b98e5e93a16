"""What a person may change of their profile."""

import zoneinfo
from typing import ClassVar

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from glassbed.features.accounts.models import Profile

ZONES = [zone for zone in sorted(zoneinfo.available_timezones()) if "/" in zone]


class ZoneField(forms.ChoiceField):
    """A time zone. Its last part is enough where only one zone ends so, in capitals or not."""

    def to_python(self, value: object) -> str:
        typed = str(value or "").strip().replace(" ", "_").casefold()
        if typed == "utc":
            return ""
        exact = [zone for zone in ZONES if zone.casefold() == typed]
        found = exact or [zone for zone in ZONES if zone.casefold().endswith(f"/{typed}")]
        return found[0] if len(found) == 1 else str(value or "")


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only in the stubs
    """All of it may stay empty."""

    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("As my browser asks")), *settings.LANGUAGES], required=False
    )
    time_zone = ZoneField(
        label=_("Time zone"),
        choices=[("", _("UTC")), *((zone, zone.replace("_", " ")) for zone in ZONES)],
        required=False,
        widget=forms.TextInput(
            attrs={"list": "time-zones", "autocomplete": "off", "spellcheck": "false", "placeholder": "UTC"}
        ),
        help_text=_("Type a city of your zone, for example Berlin."),
    )

    class Meta:
        model = Profile
        fields: ClassVar[list[str]] = ["display_name", "language", "time_zone", "units"]
        help_texts: ClassVar[dict[str, object]] = {
            "display_name": _("People with whom you share a printer see it. It may stay empty.")
        }
