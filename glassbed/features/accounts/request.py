"""The request as a view gets it: the middleware has loaded who asks."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from glassbed.features.accounts.models import Person, Profile
from glassbed.features.accounts.sessions import SessionStore


class Visit(HttpRequest):
    """From anybody."""

    user: Person | AnonymousUser
    session: SessionStore
    profile: Profile | None


class SignedIn(Visit):
    """From somebody who is signed in: views that `for_purpose` declares so get nothing else."""

    user: Person
