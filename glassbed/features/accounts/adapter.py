"""Sign-up through allauth: who may, and what comes into being with a person."""

import time
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from glassbed.features.accounts import first_link
from glassbed.features.accounts.address import client_address
from glassbed.features.accounts.models import INVITED, Person, Profile
from glassbed.foundation.bus import tell_after_commit
from glassbed.foundation.keys import create_data_key
from glassbed.foundation.ledger import note
from glassbed.protocol import subjects


class AccountAdapter(DefaultAccountAdapter):
    """Our rules in allauth's flows. Runs under the purpose `sign_in`."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Before the operator's link was used, only that link opens the door; afterwards the setting decides."""
        if first_link.carried_by(request):
            return True
        if not first_link.was_used():
            return False
        return settings.GLASSBED.signup == "open" or request.session.get(INVITED, 0) > time.time()

    def new_user(self, request: HttpRequest) -> Person:
        return Person(is_operator=first_link.carried_by(request))

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 -- allauth's signature
        with transaction.atomic():
            if user.is_operator:
                first_link.claim()
            super().save_user(request, user, form, commit=commit)
            Profile.objects.create(person=user)
            create_data_key(user.pk)
            note("account_opened", person=user.pk)
            if user.is_operator:
                first_link.use(request)
        return user

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """Only an address that is proven makes an operator for good."""
        confirmed = bool(super().confirm_email(request, email_address))
        if confirmed and email_address.user.is_operator:
            first_link.forget()
        return confirmed

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Plain text only: nothing in a mail is loaded from anywhere."""
        site = SimpleNamespace(name="Glassbed", domain=settings.GLASSBED.public_url)
        message = self.render_mail(template_prefix, email, {"current_site": site, "email": email, **context})
        message.person_id = _person_of(email, context)  # type: ignore[attr-defined]  # read by our outbox
        message.send()

    def set_password(self, user: Any, password: str) -> None:
        """A new password ends what other sessions watch; they have to sign in again."""
        super().set_password(user, password)
        tell_after_commit(subjects.person(str(user.pk)))

    def format_email_subject(self, subject: str) -> str:
        return f"Glassbed: {subject}"

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)


def _person_of(email: str, context: dict[str, Any]) -> UUID | None:
    """Whose mail it is: the person whom allauth names, else the one who proved the address."""
    user: Person | None = context.get("user")
    if user:
        return user.pk
    proven = EmailAddress.objects.filter(email=email.lower(), verified=True)
    return proven.values_list("user_id", flat=True).first()
