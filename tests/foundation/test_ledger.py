import random

import people
import pytest
from instance import superuser, surface

from glassbed.foundation import ledger, ledger_command
from glassbed.foundation.ledger import Head, note
from glassbed.foundation.purpose import purpose

pytestmark = [
    pytest.mark.integration,
    pytest.mark.promise("GB-06", part="entries are not published: who verifies needs the instance"),
]


@pytest.fixture
def sealed(servers):
    """An empty ledger with eight entries in it, sealed two by two."""
    with superuser() as admin:
        admin.execute("TRUNCATE foundation_ledgerentry, foundation_ledgernote")
    person = people.make_person()
    with surface("worker"):
        ledger.seal()
    for number in range(7):
        with purpose("printing", person=person.pk):
            note("tested", person=person.pk, number=number)
        with surface("worker"):
            assert ledger.seal() == 1
    yield person
    with superuser() as admin:
        admin.execute("TRUNCATE foundation_ledgerentry, foundation_ledgernote")


def verdict(known=()):
    with surface("worker"), purpose("accountability"):
        return ledger.verify(known)


def tamper(statement, *values):
    with superuser() as admin:
        assert admin.execute(statement, values).rowcount


def head():
    with surface("worker"), purpose("accountability"):
        return ledger.head()


def test_a_ledger_that_nobody_touched_is_whole(sealed):
    found = verdict()
    assert (found.faults, found.erased, found.head) == ([], 0, head())
    assert found.head.seq == 8


def test_an_empty_ledger_is_whole(servers, sealed):
    tamper("DELETE FROM foundation_ledgerentry")
    tamper("DELETE FROM foundation_ledgernote")
    assert verdict() == (Head(0, bytes(32).hex()), [], 0)


def test_sealing_again_seals_nothing(sealed):
    with surface("worker"):
        assert ledger.seal() == 0


def test_two_sealers_never_chain_at_once(sealed, servers):
    with servers.login("worker") as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(hashtext('glassbed.ledger'))")
        with purpose("printing", person=sealed.pk):
            note("tested", person=sealed.pk)
        with surface("worker"):
            assert ledger.seal() == 0
    with surface("worker"):
        assert ledger.seal() == 1


@pytest.mark.parametrize(
    "change",
    ["kind = 'other'", "at = at + interval '1 microsecond'", "note_digest = '\\x00'", "chain = '\\x00'"],
)
def test_a_changed_entry_is_found(sealed, change):
    tamper(f"UPDATE foundation_ledgerentry SET {change} WHERE seq = 3")
    assert any("entry 3" in fault for fault in verdict().faults)


@pytest.mark.parametrize(
    "change",
    [
        "payload = '{}'",
        "salt = '\\x00'",
        "kind = 'other'",
        "at = at + interval '1 microsecond'",
    ],
)
def test_a_changed_note_is_found(sealed, change):
    tamper(f"UPDATE foundation_ledgernote SET {change} WHERE seq = 3")
    assert verdict().faults == ["the note of entry 3 was changed"]


def test_missing_entries_are_found(sealed):
    tamper("DELETE FROM foundation_ledgerentry WHERE seq IN (4, 5)")
    assert "entries 4 to 5 are missing" in verdict().faults


def test_the_missing_first_entry_is_found(sealed):
    tamper("DELETE FROM foundation_ledgerentry WHERE seq = 1")
    assert "entries 1 to 1 are missing" in verdict().faults


def test_a_missing_last_entry_is_found_by_its_note(sealed):
    tamper("DELETE FROM foundation_ledgerentry WHERE seq = 8")
    assert verdict().faults == ["the note of entry 8 is here, and the entry is not"]


def test_a_missing_end_is_found_by_a_head_that_was_written_down(sealed):
    known = head()
    tamper("DELETE FROM foundation_ledgerentry WHERE seq > 6")
    tamper("DELETE FROM foundation_ledgernote WHERE seq > 6")
    assert verdict().faults == []
    assert verdict([known]).faults == ["entry 8, whose head was written down, is missing"]


def test_swapped_entries_are_found(sealed):
    tamper("UPDATE foundation_ledgerentry SET seq = -seq WHERE seq IN (3, 4)")
    tamper("UPDATE foundation_ledgerentry SET seq = 7 + seq WHERE seq < 0")
    assert len(verdict().faults) >= 2


def test_a_chain_that_was_rewritten_whole_is_found_by_any_head_before(sealed):
    """Who has the database can make a new chain that fits; nobody can make one that fits a published head."""
    known = head()
    tamper('UPDATE foundation_ledgernote SET payload = \'{"number": "9"}\' WHERE seq = 2')
    tamper("UPDATE foundation_ledgernote SET seq = NULL")
    tamper("DELETE FROM foundation_ledgerentry")
    with surface("worker"):
        ledger.seal()
    assert verdict().faults == []
    assert verdict([known]).faults == ["entry 8 is not the one whose head was written down"]


def test_erased_notes_leave_a_whole_chain(sealed):
    known = head()
    tamper("DELETE FROM foundation_ledgernote WHERE seq IN (2, 8)")
    assert verdict([known]) == (known, [], 2)


def test_an_old_head_still_fits_when_the_ledger_has_grown(sealed):
    known = head()
    people.make_person()
    with surface("worker"):
        assert ledger.seal() == 1
    found = verdict([known])
    assert (found.faults, found.head.seq) == ([], 9)


@pytest.mark.parametrize("seed", range(5))
def test_any_single_flipped_byte_is_found(sealed, seed):
    chance = random.Random(seed)
    column = chance.choice(("note_digest", "chain"))
    seq, place = chance.randint(1, 8), chance.randrange(32)
    tamper(
        f"UPDATE foundation_ledgerentry SET {column} = set_byte({column}, %s, get_byte({column}, %s) # 1) WHERE seq = %s",
        *(place, place, seq),
    )
    assert verdict().faults


@pytest.fixture
def command(servers, monkeypatch):
    """The command as the worker runs it; Django is set up here already."""
    monkeypatch.setattr(ledger_command, "setup_django", lambda surface: None)

    def run(*argv):
        with surface("worker"):
            return ledger_command.main(list(argv))

    return run


def test_the_command_prints_the_head_and_finds_the_ledger_whole(sealed, command, capsys):
    assert command("head") == 0
    text = capsys.readouterr().out.strip()
    assert text == str(head())
    assert command("verify", text) == 0
    assert "The ledger is whole: 8 entries, 0 of them erased." in capsys.readouterr().out


def test_the_command_says_what_is_broken(sealed, command, capsys):
    tamper("UPDATE foundation_ledgerentry SET kind = 'other' WHERE seq = 3")
    assert command("verify") == 1
    printed = capsys.readouterr().out
    assert "entry 3 does not follow" in printed
    assert "The ledger is BROKEN" in printed


def test_the_head_is_published_to_anybody(sealed):
    found = people.visitor().get("/.well-known/glassbed-ledger.json").json()
    assert f"{found['seq']}:{found['chain']}" == str(head())
