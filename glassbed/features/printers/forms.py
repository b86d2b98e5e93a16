"""What a person enters about bridges and printers."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from glassbed.features.printers import queries
from glassbed.features.printers.models import LEVELS, Bridge, Printer
from glassbed.protocol.hosts import HOSTS

PORT_LIMIT = 65_535


def drivers() -> list[tuple[str, str]]:
    """What a person may choose; the simulated printer has a button of its own."""
    return [(name, host.title) for name, host in HOSTS.items() if name != "simulated"]


class BindForm(forms.Form):
    """A printer host on the network of one's bridge."""

    bridge = forms.ModelChoiceField(queryset=Bridge.objects.none(), label=_("Bridge"), empty_label=None)
    driver = forms.ChoiceField(label=_("Printer host"))
    address = forms.CharField(
        label=_("Address"),
        max_length=255,
        help_text=_("As the bridge reaches it, for example http://octopi.local or 192.168.1.20:7125."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "inputmode": "url"}),
    )
    key = forms.CharField(
        label=_("Key"),
        max_length=2000,
        required=False,
        help_text=_("Goes to your bridge and stays there; this server does not keep it."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("As you call it."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bridge = self.fields["bridge"]
        assert isinstance(bridge, forms.ModelChoiceField)
        bridge.queryset = queries.bridges()
        driver = self.fields["driver"]
        assert isinstance(driver, forms.ChoiceField)
        driver.choices = drivers()

    def clean_address(self) -> str:
        """Take a host, host:port or an http(s) address; keep scheme, host and port only where nothing else stands."""
        text = str(self.cleaned_data["address"]).strip()
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or (port or 1) > PORT_LIMIT:
            raise forms.ValidationError(
                _("That is no address. Enter a host name or an IP address, with a port if it has one.")
            )
        if parts.username or parts.query or parts.fragment:
            raise forms.ValidationError(_("Leave out user names and anything behind a question mark."))
        return parts.geturl().rstrip("/")


class BindAgainForm(BindForm):
    """Where and how a bound printer is reached from now on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["driver"], self.fields["name"]
        self.fields["key"].help_text = _(
            "Empty: the one that your bridge keeps. A new address or another bridge needs it again."
        )


class PrinterForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only in the stubs
    class Meta:
        model = Printer
        fields: ClassVar[list[str]] = ["name", "keep_history", "keep_trace"]
        help_texts: ClassVar[dict[str, object]] = {
            "keep_history": _(
                "Off: the bridge reports no prints, no connections and no faults of this printer."
            ),
            "keep_trace": _("Off: the history has no temperature curves."),
        }


class InviteForm(forms.Form):
    level = forms.TypedChoiceField(label=_("What they may do"), choices=LEVELS, coerce=int)


class CodeForm(forms.Form):
    """The code that a bridge shows."""

    code = forms.CharField(
        label=_("Code"),
        max_length=12,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "class": "code-input",
            }
        ),
    )

    def clean_code(self) -> str:
        letters = "".join(c for c in str(self.cleaned_data["code"]).upper() if c.isalnum())
        return f"{letters[:4]}-{letters[4:]}"
