"""What somebody allows, refuses or is held by counts from the next query on, whoever asks. Plain SQL of plain logins."""

import household
import matrix
import psycopg
import pytest

from glassbed.protocol.ids import uuid7

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def asking(servers):
    settings = servers.settings
    with servers.clone() as name:
        found = matrix.Asking(
            lambda surface: servers.login(surface, name),
            servers.superuser(name),
            settings.GLASSBED_ROLES.key,
            settings.GLASSBED_CONTEXT_SECRET,
        )
        yield found
        found.close()


@pytest.fixture
def home(asking):
    return household.settle(asking.superuser)


def seen(asking, purpose, table, column, person=None):
    """People whose rows a purpose sees."""
    web = asking.logins["web"]
    with web.transaction(force_rollback=True):
        asking.take(web, purpose, person)
        return {row[0] for row in web.execute(f"SELECT {column} FROM {table}").fetchall()}


def counted(asking):
    return seen(asking, "statistics", "jobs_print", "person_id")


def written_to(asking):
    return seen(asking, "news", "account_emailaddress", "user_id")


@pytest.mark.promise("BL-38")
def test_consent_counts_from_the_next_query_on_and_so_does_its_withdrawal(asking, home):
    assert home.owner not in written_to(asking)
    household.decide(asking.superuser, home.owner, "news", is_open=True)
    assert home.owner in written_to(asking)
    household.decide(asking.superuser, home.owner, "news", is_open=False)
    assert home.owner not in written_to(asking)


def test_who_never_chose_is_counted_and_who_objects_is_not(asking, home):
    assert home.owner in counted(asking)
    assert home.choosing not in counted(asking)
    household.decide(asking.superuser, home.owner, "statistics", is_open=False)
    assert home.owner not in counted(asking)
    household.decide(asking.superuser, home.owner, "statistics", is_open=True)
    assert home.owner in counted(asking)


@pytest.mark.parametrize("held", ["restricted", "child"])
def test_who_is_held_is_out_of_everything_but_what_goes_on_despite_it(asking, home, held):
    person = getattr(home, held)
    assert person not in counted(asking) | written_to(asking)  # both had agreed
    assert seen(asking, "printing", "jobs_print", "person_id", person) == set()
    assert seen(asking, "relaying", "jobs_print", "person_id") & {person} == set()
    assert seen(asking, "own_data", "jobs_print", "person_id", person) == {person}
    assert seen(asking, "choosing", "trust_decision", "person_id", person) == {person}


def test_a_hold_that_is_lifted_gives_back_what_was_agreed(asking, home):
    asking.superuser.execute("DELETE FROM trust_hold WHERE person_id = %s", [home.restricted])
    assert home.restricted in counted(asking) & written_to(asking)
    assert home.restricted in seen(asking, "printing", "jobs_print", "person_id", home.restricted)


def test_one_sees_ones_own_and_not_what_guests_did_on_ones_printer(asking, home):
    assert seen(asking, "printing", "jobs_print", "person_id", home.owner) > {home.owner}
    assert seen(asking, "own_data", "jobs_print", "person_id", home.owner) == {home.owner}


def mail_to(person):
    said = {
        "to": "x@example.org",
        "subject": "News",
        "text": "",
        "tries": 0,
        "way": "news",
        "unsubscribe": "",
        "created_at": "2026-01-01T00:00:00Z",
    }
    return {"id": uuid7(), "person_id": person, **said}


@pytest.mark.promise("BL-22")
def test_no_news_can_be_written_to_who_did_not_agree(asking, home):
    web = asking.logins["web"]
    for person in (home.owner, home.restricted, home.child, None):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
            web.transaction(),
        ):
            asking.take(web, "news")
            household.insert(web, "foundation_mail", **mail_to(person))
    with web.transaction(force_rollback=True):
        asking.take(web, "news")
        household.insert(web, "foundation_mail", **mail_to(home.choosing))


def test_nobody_decides_for_another_and_nothing_decided_is_rewritten(asking, home):
    web = asking.logins["web"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"), web.transaction():
        asking.take(web, "choosing", home.owner)
        household.decide(web, home.stranger, "news", is_open=True)
    with web.transaction(force_rollback=True):
        asking.take(web, "choosing", home.owner)
        household.decide(web, home.owner, "news", is_open=True)
        assert web.execute("UPDATE trust_decision SET open = false").rowcount == 0
        assert web.execute("DELETE FROM trust_decision").rowcount == 0


def test_ten_thousand_withdraw_at_once_and_none_of_them_is_seen_by_a_query_that_starts_afterwards(
    asking, home
):
    admin, count = asking.superuser, 10_000
    admin.execute(
        "INSERT INTO accounts_person (id, handle, password, is_active, is_operator, created_at) "
        "SELECT gen_random_uuid(), left('t' || md5(g::text), 16), '!', true, false, now() FROM generate_series(1, %s) g",
        [count],
    )
    crowd = "SELECT id FROM accounts_person WHERE handle LIKE 't%%'"
    admin.execute(
        'INSERT INTO account_emailaddress (user_id, email, verified, "primary") '
        f"SELECT id, handle || '@example.org', true, true FROM accounts_person WHERE id IN ({crowd.replace('%%', '%')})"
    )
    for is_open, expected in ((True, count), (False, 0)):
        admin.execute(
            "INSERT INTO trust_decision (id, person_id, choice, activity, open, by, at, policy, digest, language, words) "
            f"SELECT gen_random_uuid(), id, 'news', 'news', %s, 'person', now(), '', '', '', '' FROM accounts_person WHERE id IN ({crowd})",
            [is_open],
        )
        assert len(written_to(asking) - {home.choosing}) >= expected
        people = {row[0] for row in admin.execute(crowd.replace("%%", "%")).fetchall()}
        assert len(people & written_to(asking)) == expected


def stand_in_line(servers, asking, person, *, first, second):
    """Two transactions about one person: the second begins before the first has committed."""
    import threading

    def later():
        with servers.superuser(asking.superuser.info.dbname) as other:
            second(other)

    with asking.superuser.transaction():
        first(asking.superuser)
        waiting = threading.Thread(target=later)
        waiting.start()
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        with servers.superuser("postgres") as watcher:
            for _ in range(500):
                if watcher.execute(blocked).fetchone()[0]:
                    break
                threading.Event().wait(0.01)
            else:
                pytest.fail("the second did not wait for the first")
    waiting.join(20)
    assert not waiting.is_alive()


def test_two_decisions_at_once_both_count(servers, asking, home):
    stand_in_line(
        servers,
        asking,
        home.owner,
        first=lambda db: household.decide(db, home.owner, "statistics", is_open=False),
        second=lambda db: household.decide(db, home.owner, "news", is_open=True),
    )
    assert home.owner not in counted(asking)
    assert home.owner in written_to(asking)


def test_a_hold_and_a_consent_at_once_both_count(servers, asking, home):
    stand_in_line(
        servers,
        asking,
        home.owner,
        first=lambda db: household.hold(db, home.owner, "restriction"),
        second=lambda db: household.decide(db, home.owner, "news", is_open=True),
    )
    assert home.owner not in written_to(asking) | counted(asking)
    assert seen(asking, "printing", "jobs_print", "person_id", home.owner) == set()


def test_an_older_decision_that_arrives_later_changes_nothing(asking, home):
    household.decide(asking.superuser, home.owner, "news", is_open=False)
    older = {"id": uuid7(), "person_id": home.owner, "choice": "news", "activity": "news", "open": True}
    said = {"by": "person", "policy": "", "digest": "", "language": "en", "words": ""}
    household.insert(asking.superuser, "trust_decision", at="2020-01-01T00:00:00Z", **older, **said)
    assert home.owner not in written_to(asking)


def test_a_consent_that_ran_out_is_none(asking, home):
    household.decide(asking.superuser, home.owner, "news", is_open=True)
    asking.superuser.execute("UPDATE sec.choice SET until = '2030-01-01' WHERE person = %s", [home.owner])
    worker = asking.logins["worker"]

    def expire(as_of):
        with worker.transaction():
            asking.take(worker, "tidying")
            return worker.execute("SELECT sec.expire(%s)", [as_of]).fetchone()[0]

    assert expire("2029-12-31T23:59:00Z") == 0
    assert home.owner in written_to(asking)
    assert expire("2030-01-01T00:00:00Z") == 1
    assert home.owner not in written_to(asking)
    assert expire("2031-01-01T00:00:00Z") == 0


def test_who_is_held_or_objected_is_no_list_for_who_has_no_context(asking, home):
    web = asking.logins["web"]
    for purpose in [name for name in matrix.PURPOSES if "web" in matrix.surfaces(name)]:
        with web.transaction(force_rollback=True):
            asking.take(web, purpose, context="none")
            for question in ("sec.stopped()", "sec.stopped(true)", "sec.held()", "sec.held(true)"):
                assert web.execute(f"SELECT {question}").fetchone() == (None,), (purpose, question)
            assert web.execute("SELECT count(*) FROM sec.given()").fetchone() == (0,)


def test_what_is_restricted_is_not_for_those_either_with_whom_a_printer_is_shared(asking, home):
    assert home.restricted not in seen(asking, "printing", "jobs_print", "person_id", home.owner)
    assert home.restricted not in seen(asking, "printing", "accounts_profile", "person_id", home.owner)
    assert home.restricted not in seen(asking, "printing", "printers_printer", "owner_id", home.operator)
    assert home.restricted not in seen(asking, "sharing", "printers_share", "person_id")
    asking.superuser.execute("DELETE FROM trust_hold WHERE person_id = %s", [home.restricted])
    assert home.restricted in seen(asking, "printing", "jobs_print", "person_id", home.owner)
    assert home.restricted in seen(asking, "printing", "printers_printer", "owner_id", home.operator)
    assert home.restricted in seen(asking, "sharing", "printers_share", "person_id")


def test_nobody_lifts_their_own_hold_or_makes_one(asking, home):
    web = asking.logins["web"]
    for person in (home.child, home.restricted):
        with web.transaction(force_rollback=True):
            asking.take(web, "choosing", person)
            assert matrix.is_refused(web, "DELETE FROM trust_hold")
            assert matrix.is_refused(web, "UPDATE trust_hold SET kind = kind")
    for purpose in [name for name in matrix.PURPOSES if "web" in matrix.surfaces(name)]:
        with web.transaction(force_rollback=True):
            asking.take(web, purpose, home.owner)
            assert matrix.is_refused(web, "INSERT INTO trust_hold DEFAULT VALUES"), purpose


def test_a_person_writes_no_notes_about_strangers(asking, home):
    web = asking.logins["web"]
    note = {"kind": "disclosed", "salt": b"", "payload": {}, "at": "2026-01-01T00:00:00Z"}

    def write(about):
        asking.take(web, "printing", home.owner)
        household.insert(web, "foundation_ledgernote", id=uuid7(), person_id=about, **note)

    for about in (home.owner, home.viewer, None):
        with web.transaction(force_rollback=True):
            write(about)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"), web.transaction():
        write(home.stranger)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE sec.person_state SET given = -1",
        "UPDATE sec.person_state SET stopped = 1 WHERE stopped = 0",
        "DELETE FROM sec.choice",
        "UPDATE sec.choice SET open = NOT open",
        "DELETE FROM sec.hold",
        "INSERT INTO sec.hold SELECT id, 'restriction' FROM accounts_person ON CONFLICT DO NOTHING",
        "INSERT INTO sec.choice SELECT id, 'x', true, NULL, now(), id FROM accounts_person",
    ],
)
def test_a_state_that_does_not_follow_is_counted(asking, home, tampering):
    def astray():
        return asking.logins["web"].execute("SELECT sec.astray()").fetchone()[0]

    assert astray() == 0
    with asking.superuser.transaction(force_rollback=True):
        asking.superuser.execute(tampering)
        assert asking.superuser.execute("SELECT sec.astray()").fetchone()[0] > 0
    assert astray() == 0
