"""The living notice: each control is tried on the running system, and each is seen to find what was planted."""

import json
import subprocess
import sys
import textwrap
from datetime import timedelta

import msgspec
import people
import pytest
from django.conf import settings
from django.utils import timezone

from glassbed.features.trust import verification
from glassbed.features.trust.models import Verification
from glassbed.features.trust.verification import Control, verify_controls
from glassbed.foundation import log
from glassbed.foundation.purpose import technical

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("servers")]

UNGUARDED = "this process is not guarded"


@pytest.fixture(autouse=True)
def declared(monkeypatch):
    """The tests' process has no log of ours."""
    monkeypatch.setattr(log, "_declared", frozenset(settings.GLASSBED_PACK.log.fields))


def stood():
    with technical():
        return {row.control: row for row in Verification.objects.all()}


def test_each_control_holds_and_finds_what_is_planted_for_it(servers):
    with servers.surface("worker"):
        assert verify_controls() == 1  # this process has no guard over its sockets: others' tests need theirs
    found = stood()
    assert set(found) == {control.name for control in verification.controls()}
    assert {name: row.said for name, row in found.items() if not row.held} == {"sockets": UNGUARDED}
    assert [name for name, row in found.items() if not row.found_planted] == ["sockets"]


def test_in_a_guarded_process_that_control_holds_too():
    body = """
    import json
    from glassbed.foundation import outbound
    outbound.guard()
    from glassbed.features.trust import verification as v
    print(json.dumps([v._sockets(), v._sockets_planted()]))
    """
    import os

    code = "import instance\n" + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    found, planted = json.loads(done.stdout)
    assert found == []
    assert len(planted) == 2


def test_a_control_that_finds_nothing_planted_does_not_count(servers):
    blind = Control("blind", look=list, planted=list)
    with servers.surface("worker"):
        assert verify_controls([blind]) == 1
    assert (stood()["blind"].held, stood()["blind"].found_planted) == (True, False)


def test_what_a_control_finds_is_kept_in_words_and_a_later_run_overwrites_it(servers):
    broken = Control("mended", look=lambda: ["one", "two"], planted=lambda: ["seen"])
    with servers.surface("worker"):
        assert verify_controls([broken]) == 1
        assert stood()["mended"].said == "one\ntwo"
        assert verify_controls([broken._replace(look=list)]) == 0
    assert stood()["mended"].said == ""


def test_a_grant_that_nobody_ordered_is_found_by_the_control_of_the_database(servers):
    role = settings.GLASSBED_ROLES.purpose("statistics")
    with servers.superuser() as admin:
        admin.execute(f"GRANT SELECT ON library_file TO {role}")
    try:
        assert (
            f"{role} may SELECT on library_file, and pack and bindings do not say so"
            in verification._database()
        )
    finally:
        with servers.superuser() as admin:
            admin.execute(f"REVOKE SELECT ON library_file FROM {role}")
    assert verification._database() == []


def test_state_that_does_not_follow_from_decisions_is_found(servers):
    ada = people.make_person()
    with servers.superuser() as admin:
        admin.execute("UPDATE sec.person_state SET given = -1 WHERE person = %s", [ada.pk])
    try:
        assert verification._choices() == ["what holds for 1 people is not what follows from their decisions"]
        assert verification._choices_planted() == ["1 more"]
    finally:
        with servers.superuser() as admin:
            admin.execute("UPDATE sec.person_state SET given = 0 WHERE person = %s", [ada.pk])
    assert verification._choices() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (("to", "subject"), "mail sends text, which the policy does not list"),
        (("to", "subject", "text", "age"), "the policy lists age for mail, which sends none"),
    ],
)
def test_a_policy_that_lists_other_fields_than_the_program_sends_is_found(fields, said):
    pack = settings.GLASSBED_PACK
    changed = {"mail": msgspec.structs.replace(pack.disclosures["mail"], fields=fields)}
    assert verification._gate(msgspec.structs.replace(pack, disclosures=changed)) == [said]
    assert verification._gate() == []


def test_a_field_that_the_code_logs_and_the_policy_does_not_list_is_found():
    listed = settings.GLASSBED_PACK.log.fields.keys()
    for field in ("duration_ms", "where"):  # one that the code fills in, one that lines of errors have
        assert verification._log(listed - {field}) == [
            f"the log takes {field}, which the policy does not list"
        ]
    assert verification._log(listed) == []


def test_one_control_that_breaks_does_not_hold_and_hides_no_other(servers):
    def breaks():
        raise ZeroDivisionError

    before = Control("breaking", look=list, planted=lambda: ["seen"])
    with servers.surface("worker"):
        assert verify_controls([before]) == 0
        after = Control("after", look=lambda: ["still tried"], planted=lambda: ["seen"])
        assert verify_controls([before._replace(look=breaks), after]) == 2
        assert verify_controls([before._replace(planted=breaks)]) == 1
    assert stood()["after"].said == "still tried"
    assert (stood()["breaking"].held, stood()["breaking"].found_planted) == (True, False)


def test_a_pack_whose_activities_have_one_category_each_is_planted_too(monkeypatch):
    pack = settings.GLASSBED_PACK
    narrow = {
        key: msgspec.structs.replace(activity, categories=dict(list(activity.categories.items())[:1]))
        for key, activity in pack.activities.items()
    }
    monkeypatch.setattr(settings, "GLASSBED_PACK", msgspec.structs.replace(pack, activities=narrow))
    assert verification._database_planted()


@pytest.mark.parametrize(
    ("control", "held", "found_planted", "age_h", "standing"),
    [
        ("database", True, True, 1, "holds"),
        ("database", True, True, 3, "not proven"),
        ("database", True, False, 1, "not proven"),
        ("database", False, True, 1, "fails"),
        ("sockets", True, True, 1, "fails"),  # held in the worker, and this process has no guard
    ],
)
def test_a_control_stands_by_what_was_found_how_long_ago_and_for_sockets_in_this_process_too(
    control, held, found_planted, age_h, standing
):
    now = timezone.now()
    row = Verification(
        control=control, at=now - timedelta(hours=age_h), held=held, found_planted=found_planted
    )
    assert verification.standing(row, now) == standing
