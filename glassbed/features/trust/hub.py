"""The policy as this instance shows it to whoever asks: pack, bindings and the language of the request together."""

import re
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import get_language, gettext

from glassbed.foundation.bindings import bindings
from glassbed.policy import notice as making
from glassbed.policy import pack
from glassbed.policy.notice import Notice
from glassbed.policy.statements import Reader
from glassbed.policy.texts import localized
from glassbed.policy.vocabulary import Language, Pack


def policy() -> Pack:
    """The pack in force, in its own words."""
    return settings.GLASSBED_PACK


def digest() -> str:
    return pack.digest(policy())


def folder() -> Path:
    """Where the pack's files stand."""
    return pack.find(settings.GLASSBED.policy).parent


def reader() -> Reader:
    """Who asks: the pack in the language of the request, or in English if it does not have that one."""
    frame = cast("Language", get_language() or "en")
    language: Language = frame if frame in policy().languages else "en"
    return Reader(
        pack=localized(policy(), language, folder()),
        language=language,
        frame=frame,
        say=gettext,
        kept=making.kept(bindings()),
        site=urlsplit(settings.GLASSBED.public_url).hostname or "localhost",
    )


def reader_of(kept: Pack) -> Reader:
    """Who asks for a version that was kept: in its own words, with the frame in the language of the request."""
    return reader()._replace(pack=kept, language="en")


def english() -> Reader:
    """Whoever reads by machine: the pack in its own words."""
    return Reader(
        policy(), kept=making.kept(bindings()), site=urlsplit(settings.GLASSBED.public_url).hostname or ""
    )


def notice(to: Reader) -> Notice:
    return making.notice(to, digest())


NOBODY_READS = re.compile(r"^(no|do-?not)[-_.]?reply@", re.IGNORECASE)


def security_contact() -> str | None:
    """Where weaknesses can be reported, as RFC 9116 wants it: a controller's address, else the one that we mail from."""
    named = [party.contact or "" for party in policy().parties.values() if party.role == "controller"]
    for contact in [*named, settings.GLASSBED.mail_from or ""]:
        if contact.startswith("https://"):
            return contact
        if re.fullmatch(r"[^@\s]+@[^@\s]+", contact) and not NOBODY_READS.match(contact):
            return f"mailto:{contact}"
    return None
