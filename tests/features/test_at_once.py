"""Two at once: the slower waits for the faster, and then decides by what is there now.

The faster one is a transaction of the test's own, so that nothing here depends on who wins.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import people
import pytest
from django.db import connection
from django.utils import timezone
from features.on_the_bus import ConnectedBridge

from glassbed.features.accounts import first_link
from glassbed.features.jobs.models import Print
from glassbed.features.printers.models import Bridge, Pairing, Share
from glassbed.foundation.purpose import purpose
from glassbed.policy.binding import Level
from glassbed.protocol.errors import Conflict
from glassbed.protocol.ids import uuid7
from glassbed.protocol.messages import Outcome

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]
PATIENCE_S = 20


def until_somebody_waits(servers):
    deadline = time.monotonic() + PATIENCE_S
    with servers.superuser() as admin:
        while admin.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (0,):
            assert time.monotonic() < deadline, "nobody waits: the row is not locked"
            time.sleep(0.01)


@pytest.fixture
def meanwhile(servers):
    """Do `work` while a statement has happened and is not committed; it is once `work` waits for it."""

    def run(work, statement, *values):
        def worked():
            try:
                return work()
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            with servers.superuser() as faster, faster.transaction():
                faster.execute(statement, values)
                slower = pool.submit(worked)
                until_somebody_waits(servers)
            return slower.result(PATIENCE_S)

    return run


def test_an_invitation_that_somebody_takes_at_this_moment_is_gone(meanwhile):
    owner, guest = people.make_person(), people.make_person()
    made, token = people.make_invitation(people.make_printer(owner))
    browser = people.browser_of(guest)
    answer = meanwhile(
        lambda: browser.post(f"/invitations/{token}/"),
        "DELETE FROM printers_invitation WHERE id = %s",
        made.pk,
    )
    assert answer.status_code == 404
    with purpose("printing", person=owner.pk):
        assert Share.objects.count() == 0


def test_a_print_that_somebody_starts_at_this_moment_is_not_started_twice(meanwhile):
    owner, operator = people.make_person(), people.make_person()
    printer = people.make_printer(owner)
    people.share(printer, operator, Level.OPERATOR)
    waiting = people.make_print(printer, operator, people.make_file(operator))
    browser = people.browser_of(operator)
    with ConnectedBridge(printer.bridge_id, Outcome.ACCEPTED) as bridge:
        meanwhile(
            lambda: browser.post(f"/prints/{waiting.pk}/start/"),
            "UPDATE jobs_print SET state = 'sending' WHERE id = %s",
            waiting.pk,
        )
    assert bridge.commands == []
    with purpose("printing", person=owner.pk):
        assert Print.objects.get(pk=waiting.pk).state == "sending"


def test_a_code_that_somebody_types_at_this_moment_makes_one_bridge(meanwhile, servers):
    first, second = people.make_person(), people.make_person()
    with purpose("pairing"):
        code = f"{uuid7().hex[-4:]}-{uuid7().hex[-4:]}".upper()
        asked = Pairing.objects.create(
            code=code,
            public_key=b"k" * 32,
            name="Cellar",
            version="1",
            expires_at=timezone.now() + timedelta(minutes=5),
        )
    browser = people.browser_of(second)
    taken = people.make_bridge(first).bridge
    answer = meanwhile(
        lambda: browser.post("/bridges/pair/", {"code": code}),
        "UPDATE printers_pairing SET bridge_id = %s, person_id = %s WHERE id = %s",
        *(taken.pk, first.pk, asked.pk),
    )
    assert "No bridge shows this code now" in answer.content.decode()
    with purpose("printing", person=second.pk):
        assert Bridge.objects.count() == 0


def test_who_is_slower_with_the_first_link_waits_and_finds_its_place_taken(meanwhile, servers):
    person = people.make_person()
    with servers.superuser() as admin:
        admin.execute("UPDATE accounts_person SET is_operator = false")

    def claim():
        with purpose("sign_in"):
            first_link.claim()

    with pytest.raises(Conflict, match="was used a moment ago"):
        meanwhile(
            claim,
            "WITH place AS (SELECT pg_advisory_xact_lock(hashtext('glassbed.operator'))) "
            "UPDATE accounts_person SET is_operator = true FROM place WHERE id = %s",
            person.pk,
        )
    with servers.superuser() as admin:
        admin.execute("UPDATE accounts_person SET is_operator = false")
