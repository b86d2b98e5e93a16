"""A small household in plain SQL: an owner, people with each level, one who left, and a stranger with a printer."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from glassbed.protocol.ids import uuid7


class Household(NamedTuple):
    """Ids of people and of what the owner has."""

    owner: UUID
    viewer: UUID
    operator: UUID
    left: UUID
    stranger: UUID
    bridge: UUID
    printer: UUID
    file: UUID
    print: UUID
    foreign_bridge: UUID
    foreign_printer: UUID
    choosing: UUID  # agreed to news, and objected to being counted
    restricted: UUID
    child: UUID  # waits for a guardian


def insert(connection: psycopg.Connection[Any], table: str, **row: Any) -> Any:
    """Write a row and return its `id`, if it was given one."""
    columns = sql.SQL(", ").join(map(sql.Identifier, row))
    marks = sql.SQL(", ").join(sql.Placeholder() * len(row))
    text = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), columns, marks)
    connection.execute(text, [Jsonb(v) if isinstance(v, dict | list) else v for v in row.values()])
    return row.get("id")


def settle(connection: psycopg.Connection[Any]) -> Household:
    """Write the household, as superuser, into any database of an instance."""
    owner, viewer, operator, left, stranger = (_person(connection) for _ in range(5))
    bridge, printer = _machines(connection, owner)
    foreign_bridge, foreign_printer = _machines(connection, stranger)
    for person, level in ((viewer, 1), (operator, 2), (left, 2)):
        share = {"printer_id": printer, "owner_id": owner, "person_id": person, "level": level}
        insert(connection, "printers_share", id=uuid7(), created_at=_now(), **share)
    connection.execute("DELETE FROM printers_share WHERE person_id = %s", [left])
    first = {}
    for person, machine in (
        (owner, printer),
        (operator, printer),
        (left, printer),
        (stranger, foreign_printer),
    ):
        first[person] = _print(connection, person, machine)
    choosing, restricted, child = (_person(connection) for _ in range(3))
    own = {person: _machines(connection, person)[1] for person in (choosing, restricted, child)}
    for lender, borrower, machine in ((owner, restricted, printer), (restricted, operator, own[restricted])):
        share = {"printer_id": machine, "owner_id": lender, "person_id": borrower, "level": 2}
        insert(connection, "printers_share", id=uuid7(), created_at=_now(), **share)
    _print(connection, restricted, printer)
    for person, machine in own.items():
        _print(connection, person, machine)
        decide(connection, person, "statistics", is_open=person != choosing)
        decide(connection, person, "news", is_open=True)
    hold(connection, restricted, "restriction")
    hold(connection, child, "missing_guardian")
    file, print_id = first[owner]
    return Household(
        owner,
        viewer,
        operator,
        left,
        stranger,
        bridge,
        printer,
        file,
        print_id,
        foreign_bridge,
        foreign_printer,
        choosing,
        restricted,
        child,
    )


def decide(connection: psycopg.Connection[Any], person: UUID, activity: str, *, is_open: bool) -> None:
    """Write a person's decision on an activity."""
    said = {"by": "person", "policy": "house", "digest": "", "language": "en", "words": ""}
    row = {"id": uuid7(), "person_id": person, "choice": activity, "activity": activity, "open": is_open}
    insert(connection, "trust_decision", at=_now(), **row, **said)


def hold(connection: psycopg.Connection[Any], person: UUID, kind: str) -> None:
    insert(connection, "trust_hold", id=uuid7(), person_id=person, kind=kind, ground="tested", since=_now())


def _now() -> datetime:
    return datetime.now(UTC)


def _person(connection: psycopg.Connection[Any]) -> UUID:
    person, now = uuid7(), _now()
    mark = person.hex
    insert(
        connection,
        "accounts_person",
        id=person,
        handle=mark[-16:],
        password="!",
        is_active=True,
        is_operator=False,
        created_at=now,
    )
    profile = {"display_name": mark, "language": "", "time_zone": "", "units": "metric"}
    insert(connection, "accounts_profile", person_id=person, **profile)
    insert(
        connection,
        "accounts_session",
        session_key=mark,
        session_data="",
        public_id=uuid7(),
        person_id=person,
        browser="",
        **dict.fromkeys(("created_at", "last_used_at", "expire_date"), now),
    )
    insert(connection, "foundation_datakey", person_id=person, wrapped=b"wrapped", created_at=now)
    note = {"id": uuid7(), "person_id": person, "kind": "tested", "salt": b"salt", "payload": {}}
    insert(connection, "foundation_ledgernote", at=now, **note)
    mail = {
        "id": uuid7(),
        "person_id": person,
        "to": f"{mark}@example.org",
        "subject": "",
        "text": "",
        "tries": 0,
        "way": "mail",
        "unsubscribe": "",
    }
    insert(connection, "foundation_mail", created_at=now, **mail)
    address = connection.execute(
        'INSERT INTO account_emailaddress (user_id, email, verified, "primary") VALUES (%s, %s, true, true) RETURNING id',
        [person, f"{mark}@example.org"],
    ).fetchone()
    assert address
    insert(connection, "account_emailconfirmation", created=now, key=mark, email_address_id=address[0])
    return person


def _machines(connection: psycopg.Connection[Any], owner: UUID) -> tuple[UUID, UUID]:
    now = _now()
    described = {"name": "Shelf", "version": "1", "platform": "", "is_local": False}
    bridge = insert(
        connection,
        "printers_bridge",
        id=uuid7(),
        owner_id=owner,
        public_key=owner.bytes,
        paired_at=now,
        **described,
    )
    printer = insert(
        connection,
        "printers_printer",
        id=uuid7(),
        owner_id=owner,
        bridge_id=bridge,
        name="Printer",
        driver="octoprint",
        **dict.fromkeys(("address", "software", "firmware", "model", "serial", "hostname"), "x"),
        can=[],
        keep_history=True,
        keep_trace=True,
        activated_at=now,
    )
    asked = {
        "id": uuid7(),
        "code": uuid7().hex[-9:],
        "public_key": owner.bytes,
        "person_id": owner,
        "bridge_id": bridge,
    }
    insert(connection, "printers_pairing", expires_at=now + timedelta(days=1), **asked, **described)
    of_owner = {"printer_id": printer, "owner_id": owner}
    offered = {"id": uuid7(), "level": 1, "token_hash": uuid7().hex, "created_at": now}
    insert(connection, "printers_invitation", expires_at=now + timedelta(days=7), **offered, **of_owner)
    insert(connection, "printers_connection", id=uuid7(), since=now, fault="", **of_owner)
    return bridge, printer


def _print(connection: psycopg.Connection[Any], person: UUID, printer: UUID) -> tuple[UUID, UUID]:
    now = _now()
    named = {"name": "cube.gcode", "size_bytes": 1, "sha256": "0" * 64, "uploaded_at": now}
    empty = {"slicer": "", "filament_type": "", "printer_model": ""}
    file = insert(connection, "library_file", id=uuid7(), owner_id=person, **named, **empty)
    of_both = {"printer_id": printer, "person_id": person}
    print_id = insert(
        connection,
        "jobs_print",
        id=uuid7(),
        file_id=file,
        file_name="cube.gcode",
        state="completed",
        reason="",
        at_printer=False,
        created_at=now,
        **of_both,
    )
    insert(connection, "traces_chunk", print_id=print_id, minute=0, samples=b"samples", **of_both)
    command = {"id": uuid7(), "kind": "pause", "outcome": "done", "reason": "", "issued_at": now}
    insert(connection, "printers_command", **command, **of_both)
    return file, print_id
