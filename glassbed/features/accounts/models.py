"""A person with an account. The address is in allauth's table only; the handle is random and means nothing."""

import secrets
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from glassbed.foundation.models import Key
from glassbed.protocol.ids import uuid7

INVITED = "invited"
"""Session key: until when the visitor, who came by an invitation, may sign up though sign-up is closed."""
INVITED_S = 3600


def random_handle() -> str:
    return secrets.token_hex(8)


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, *, is_operator: bool = False) -> "Person":
        """Create a person without a password; the caller saves the profile."""
        person = self.model(is_operator=is_operator)
        person.set_unusable_password()
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser):
    """Who signs in. Passwords are argon2 hashes in `password`."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    handle = models.CharField(max_length=16, unique=True, default=random_handle)
    is_active = models.BooleanField(default=True)
    is_operator = models.BooleanField(default=False)  # runs this instance; sees no personal data by it
    created_at = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "handle"
    objects: ClassVar[PersonManager] = PersonManager()

    class Meta:
        db_table = "accounts_person"

    def __str__(self) -> str:
        return self.handle

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """No permission tables here: the policy pack and the database decide."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False


class Profile(models.Model):
    """What a person shows and prefers. All of it may stay empty."""

    class Units(models.TextChoices):
        METRIC = "metric", _("Celsius, millimetres")
        IMPERIAL = "imperial", _("Fahrenheit, inches")

    person = models.OneToOneField(Person, models.DO_NOTHING, primary_key=True, related_name="profile")
    display_name = models.CharField(_("Name"), max_length=60, blank=True)
    language = models.CharField(_("Language"), max_length=10, blank=True)
    time_zone = models.CharField(_("Time zone"), max_length=50, blank=True)
    units = models.CharField(_("Units"), max_length=10, choices=Units, default=Units.METRIC)

    class Meta:
        db_table = "accounts_profile"

    def __str__(self) -> str:
        return self.display_name or str(_("Someone without a name"))


class Session(AbstractBaseSession):
    """An open sign-in. `session_key` holds the SHA-256 of the cookie's number, never the number."""

    session_key = models.CharField(max_length=64, primary_key=True)
    public_id = models.UUIDField(default=uuid7, unique=True)  # names the session to live and on pages
    person = Key(Person, null=True, related_name="sessions")
    browser = models.CharField(max_length=80, blank=True)  # "Firefox on Linux", no version, no address
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "accounts_session"

    @classmethod
    def get_session_store_class(cls) -> type:
        from glassbed.features.accounts.sessions import SessionStore

        return SessionStore
