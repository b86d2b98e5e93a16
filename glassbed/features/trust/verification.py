"""The living notice: each control that keeps a statement is tried on the running system, and so is the control itself.

A control holds when it finds nothing wrong, and counts only if in the same run it found a violation that was planted
for it. Nothing planted is ever written, sent or seen by anybody.
"""

import ast
import json
import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import chain
from typing import Any, Literal, NamedTuple

import msgspec
from django.conf import settings
from django.utils import timezone

from glassbed.features.trust.models import Verification
from glassbed.foundation import drift, gate, ledger, log, outbound
from glassbed.foundation.bindings import bindings
from glassbed.foundation.database import plain_login
from glassbed.foundation.instance import Instance
from glassbed.foundation.purpose import purpose
from glassbed.policy.program import WAYS
from glassbed.policy.vocabulary import Pack

logger = logging.getLogger(__name__)

Findings = list[str]

DATABASE = "database"
GATE = "gate"
SOCKETS = "sockets"
LOG = "log"
LEDGER = "ledger"
CHOICES = "choices"

FRESH = timedelta(hours=2)
"""A control is tried every hour; what is older proves nothing any more."""

BROKE = "this control broke before it had an answer: the log says where"
PLANTED_FIELD: dict[str, Any] = {"planted": "violation"}

KEEPS: Mapping[str, tuple[str, ...]] = {
    "activities": (DATABASE,),
    "categories": (DATABASE,),
    "choices": (DATABASE, CHOICES),
    "disclosures": (GATE, SOCKETS),
    "parties": (GATE, SOCKETS),
    "log": (LOG,),
}
"""Section of the pack → the controls that keep its statements. What is not listed is kept by tests or by people."""


Standing = Literal["holds", "not proven", "fails"]


class Control(NamedTuple):
    """`look` says what is wrong; `planted` the same of a situation that is wrong, so it has to find something."""

    name: str
    look: Callable[[], Findings]
    planted: Callable[[], Findings]


def controls() -> list[Control]:
    """Every control, a literal list."""
    return [
        Control(DATABASE, _database, _database_planted),
        Control(GATE, _gate, _gate_planted),
        Control(SOCKETS, _sockets, _sockets_planted),
        Control(LOG, _log, _log_planted),
        Control(LEDGER, _ledger, _ledger_planted),
        Control(CHOICES, _choices, _choices_planted),
    ]


def verify_controls(todo: Iterable[Control] | None = None) -> int:
    """Try every control and write down how it stood. Returns how many did not hold."""
    rows = [_tried(control, timezone.now()) for control in (controls() if todo is None else todo)]
    with purpose("verifying"):
        Verification.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["control"],
            update_fields=["at", "held", "found_planted", "said"],
        )
    failed = [row for row in rows if not (row.held and row.found_planted)]
    if failed:
        log.event(logger, "control_failed", level=logging.ERROR, count=len(failed))
    return len(failed)


def standing(row: Verification, now: datetime) -> Standing:
    """How a control stands. The guard over sockets stands in every process, so it is tried in this one as well."""
    if not row.held or (row.control == SOCKETS and _sockets()):
        return "fails"
    is_seen = row.found_planted and now - row.at <= FRESH
    return "holds" if is_seen and (row.control != SOCKETS or _sockets_planted()) else "not proven"


def _tried(control: Control, at: datetime) -> Verification:
    found, planted = _asked(control.look), _asked(control.planted)
    said = [BROKE] if found is None else found
    return Verification(
        control=control.name, at=at, held=not said, found_planted=bool(planted), said="\n".join(said)
    )


def _asked(question: Callable[[], Findings]) -> Findings | None:
    """The answer, or None where there is none."""
    try:
        return question()
    except Exception:  # a control that breaks does not hold, and must not keep the others from being tried
        logger.exception("control_broke")
        return None


def _database(pack: Pack | None = None) -> Findings:
    with plain_login() as connection, connection.transaction(force_rollback=True):
        return drift.findings(connection, pack or settings.GLASSBED_PACK, bindings(), settings.GLASSBED_ROLES)


def _database_planted() -> Findings:
    """Expect a little less than was applied: activities without their first category must be found."""
    pack: Pack = settings.GLASSBED_PACK
    fewer = {
        key: msgspec.structs.replace(activity, categories=dict(list(activity.categories.items())[1:]))
        for key, activity in pack.activities.items()
    }
    with plain_login() as connection, connection.transaction(force_rollback=True):
        return drift.compared(
            connection, msgspec.structs.replace(pack, activities=fewer), bindings(), settings.GLASSBED_ROLES
        )


def _gate(pack: Pack | None = None) -> Findings:
    """What the program sends by each way is what the policy lists for it, no more and no less."""
    found = []
    for way, disclosure in (pack or settings.GLASSBED_PACK).disclosures.items():
        sent, listed = set(WAYS.get(way, ())), set(disclosure.fields)
        found += [f"{way} sends {field}, which the policy does not list" for field in sorted(sent - listed)]
        found += [f"the policy lists {field} for {way}, which sends none" for field in sorted(listed - sent)]
    return found


def _gate_planted() -> Findings:
    """A policy that hides a field must be found, and a way or a field that it does not list be refused."""
    pack: Pack = settings.GLASSBED_PACK
    refused = [_refused(lambda: gate.declared("planted", {}))]
    silent = {}
    for way, disclosure in pack.disclosures.items():
        fields = dict.fromkeys((*disclosure.fields, "planted"))
        refused.append(_refused(partial(gate.declared, way, fields)))
        silent[way] = msgspec.structs.replace(disclosure, fields=disclosure.fields[1:])
    hidden = _gate(msgspec.structs.replace(pack, disclosures=silent))
    return [*hidden, *chain.from_iterable(refused)] if all(refused) and len(hidden) >= len(silent) else []


def _sockets() -> Findings:
    return [] if outbound.stands() else ["this process is not guarded"]


def _sockets_planted() -> Findings:
    """Try to look up a name and to reach an address; both are refused before anything leaves the machine."""
    if not outbound.stands():
        return []
    looked_up = _refused(lambda: socket.getaddrinfo("planted.invalid", 443))
    with socket.socket() as planted:
        planted.setblocking(False)
        reached = _refused(lambda: planted.connect(("127.0.0.1", 9)))
    return [*looked_up, *reached] if looked_up and reached else []


def _log(declared: Iterable[str] | None = None) -> Findings:
    """Every field that the code fills in, and every one that each line has, is listed in the policy."""
    listed = settings.GLASSBED_PACK.log.fields if declared is None else declared
    return [
        f"the log takes {field}, which the policy does not list"
        for field in sorted(_logged() - frozenset(listed))
    ]


def _log_planted() -> Findings:
    """A list that lacks fields must be found, and a line with a field that is on no list be refused."""
    lacking = _log(())
    try:
        log.event(logger, "planted", **PLANTED_FIELD)
    except log.UndeclaredLogField as refusal:
        return [*lacking, str(refusal)] if lacking else []
    return []


@cache
def _logged() -> frozenset[str]:
    """The fields of our lines, read from the code and from a line as it is written."""
    line = logging.LogRecord("glassbed", logging.ERROR, "", 0, "tried", (), (ValueError, ValueError(), None))
    found = set(json.loads(log.Lines().format(line)))
    for path in Instance.package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "log.event":
                found |= {keyword.arg for keyword in node.keywords if keyword.arg}
    return frozenset(found)  # `level` is an argument of the call and a field of the line


def _ledger() -> Findings:
    with purpose("accountability"):
        return ledger.verify().faults


def _ledger_planted() -> Findings:
    """A head that the chain never had must be missed."""
    with purpose("accountability"):
        last = ledger.head()
        return ledger.verify([ledger.Head(last.seq + 1, "00" * 32)]).faults


def _choices() -> Findings:
    wrong = _astray(planted=False)
    return [f"what holds for {wrong} people is not what follows from their decisions"] if wrong else []


def _choices_planted() -> Findings:
    """Somebody whose state follows from nothing must be one more."""
    more = _astray(planted=True) - _astray(planted=False)
    return [f"{more} more"] if more == 1 else []


def _astray(*, planted: bool) -> int:
    with plain_login() as connection, connection.transaction(force_rollback=True):
        row = connection.execute("SELECT sec.astray(%s)", [planted]).fetchone()
        return int(row[0]) if row else 0


def _refused(do: Callable[[], object]) -> Findings:
    try:
        do()
    except outbound.Undeclared as refusal:
        return [str(refusal)]
    except OSError:
        return []
    return []
