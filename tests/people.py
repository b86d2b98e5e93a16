"""People and what they have, made through the purposes that the product uses. Everybody is new: tests stay apart."""

import hashlib
import secrets
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from allauth.account.models import EmailAddress
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import Client
from instance import surface

from glassbed.features.accounts.models import Person, Profile
from glassbed.features.accounts.sessions import SessionStore
from glassbed.features.jobs.models import Print
from glassbed.features.library.models import File
from glassbed.features.library.upload import store
from glassbed.features.printers.models import Bridge, Connection, Invitation, Printer, Share
from glassbed.features.traces.models import Chunk
from glassbed.foundation.blobs import blob_key
from glassbed.foundation.keys import create_data_key, data_key
from glassbed.foundation.ledger import note
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol import trace
from glassbed.protocol.ids import uuid7

GCODE = b"; a cube\nG28\n" + b"G1 X10 Y10 E1\n" * 50 + b"M84\n"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Host(NamedTuple):
    """A bridge with the key that only it has."""

    bridge: Bridge
    key: Ed25519PrivateKey


def address(person: Person) -> str:
    return f"{person.handle}@example.org"


def make_person(*, is_operator: bool = False, password: str | None = None, name: str = "") -> Person:
    with purpose("sign_in"):
        person = Person(is_operator=is_operator)
        person.set_password(password)
        person.save()
        Profile.objects.create(person=person, display_name=name)
        create_data_key(person.pk)
        EmailAddress.objects.create(user=person, email=address(person), verified=True, primary=True)
        note("account_opened", person=person.pk)
    return person


def visitor() -> Client:
    """A browser that nobody has signed in with."""
    return Client(SERVER_NAME="127.0.0.1", HTTP_USER_AGENT=BROWSER)


def browser_of(person: Person | None) -> Client:
    """A browser in which the person is signed in."""
    client = visitor()
    if person is not None:
        client.cookies[settings.SESSION_COOKIE_NAME] = open_session(person)
    return client


def open_session(person: Person) -> str:
    """Sign a person in, and return the number for the cookie."""
    with purpose("sign_in"):
        session = SessionStore()
        session[SESSION_KEY] = str(person.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session.save(must_create=True)
    return str(session.session_key)


def make_bridge(owner: Person, *, is_local: bool = False) -> Host:
    key = Ed25519PrivateKey.generate()
    with purpose("pairing", person=owner.pk):
        bridge = Bridge.objects.create(
            owner=owner,
            name="Cellar",
            public_key=key.public_key().public_bytes_raw(),
            version="1",
            is_local=is_local,
        )
    return Host(bridge, key)


def make_printer(owner: Person, bridge: Bridge | None = None, **fields: object) -> Printer:
    bridge = bridge or make_bridge(owner).bridge
    described = {"name": "Shelf", "driver": "octoprint", "address": "http://octopi.local"} | fields
    with purpose("printing", person=owner.pk):
        return Printer.objects.create(owner=owner, bridge=bridge, **described)


def make_connection(printer: Printer) -> Connection:
    with purpose("printing", person=printer.owner_id):
        return Connection.objects.create(
            id=uuid7(), printer=printer, owner_id=printer.owner_id, since=datetime.now(UTC)
        )


def share(printer: Printer, person: Person, level: Level) -> Share:
    with purpose("sharing", person=person.pk):
        return Share.objects.create(printer=printer, owner_id=printer.owner_id, person=person, level=level)


def end(given: Share) -> None:
    with purpose("printing", person=given.owner_id):
        Share.objects.filter(pk=given.pk).delete()


def make_invitation(printer: Printer, level: Level = Level.VIEWER) -> tuple[Invitation, str]:
    token = secrets.token_urlsafe(24)
    with purpose("printing", person=printer.owner_id):
        made = Invitation.objects.create(
            printer=printer,
            owner_id=printer.owner_id,
            level=level,
            token_hash=hashlib.sha256(token.encode()).hexdigest(),
            expires_at=datetime(2100, 1, 1, tzinfo=UTC),
        )
    return made, token


def make_file(owner: Person, content: bytes = GCODE, *, picture: bytes | None = None) -> File:
    """Keep a file with its blobs."""
    with purpose("printing", person=owner.pk):
        key = data_key(owner.pk)
    blob, thumbnail = uuid7(), uuid7() if picture else None
    for blob_id, plain in ((blob, content), (thumbnail, picture)):
        if blob_id and plain is not None:
            with store().write(blob_id, blob_key(key, blob_id)) as writer:
                writer.write(plain)
    with purpose("printing", person=owner.pk):
        return File.objects.create(
            id=blob,
            owner=owner,
            name="cube.gcode",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            thumbnail=thumbnail,
        )


def make_print(printer: Printer, person: Person, file: File | None = None, state: str = "queued") -> Print:
    with purpose("printing", person=person.pk):
        return Print.objects.create(
            printer=printer, person=person, file=file, file_name="cube.gcode", state=state, position=1
        )


def make_trace(done: Print) -> None:
    sample = trace.TraceSample(nozzle_c=210.0, bed_c=60.0)
    with surface("recorder"), purpose("recording"):
        Chunk.objects.create(
            print=done,
            minute=0,
            printer_id=done.printer_id,
            person_id=done.person_id,
            samples=trace.encode([sample]),
        )


def seen_by(person: Person, model: type, key: UUID) -> bool:
    with purpose("printing", person=person.pk):
        return bool(model._default_manager.filter(pk=key).exists())
