import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbed.policy import compile as compiler
from glassbed.policy.binding import Access, Both, Bound, Level, NotPersonal, Own, Person, Sharing
from glassbed.policy.compile import Roles, bits, check_bindings, everyone_rule, row_rule
from glassbed.policy.pack import find, load

HOUSE = load(find("house"))
ROLES = Roles("0123ab")
CUP = Bound(
    category="device",
    person=(Person("owner_id"),),
    retention="until_removed",
    erasure="delete",
    portable=True,
    see=(Own("owner_id"), Access("printer_id")),
    change=(Access("printer_id", Level.OWNER),),
)


def changed(**fields):
    return msgspec.structs.replace(CUP, **fields)


def statements(**bindings):
    return list(compiler.table_statements(HOUSE, bindings, ROLES))


def starting(found, begin):
    return [s for s in found if s.startswith(begin)]


@pytest.mark.parametrize("key", ["", "0123AB", "0123abc", "xyzxyz", "a'; --"])
def test_a_key_that_could_be_sql_is_refused(key):
    with pytest.raises(ValueError, match="6 hexadecimal digits"):
        Roles(key)


def test_role_names_carry_the_instances_key():
    assert (ROLES.owner, ROLES.sec, ROLES.technical) == (
        "gb_0123ab_owner",
        "gb_0123ab_sec",
        "gb_0123ab_technical",
    )
    assert ROLES.login("web") == "gb_0123ab_web_login"
    assert ROLES.purpose("printing") == "gb_0123ab_p_printing"


def test_no_role_name_is_cut_off_by_postgresql():
    assert len(ROLES.purpose("a" * 30)) <= 63


# -- bits ------------------------------------------------------------------------------------------------------


def test_each_purpose_has_a_bit_by_its_place():
    assert list(bits(HOUSE).items())[:3] == [("sign_in", 1), ("account", 2), ("printing", 4)]


@given(st.lists(st.from_regex(r"[a-z]{4,9}", fullmatch=True), unique=True, max_size=50))
def test_a_purpose_added_at_the_end_moves_no_bit(names):
    before = bits(HOUSE)
    extra = {n: HOUSE.purposes["printing"] for n in names if n not in HOUSE.purposes}
    after = bits(msgspec.structs.replace(HOUSE, purposes={**HOUSE.purposes, **extra}))
    assert before.items() <= after.items()
    assert len(set(after.values())) == len(after)
    assert all(0 < bit < 1 << 62 and bit & (bit - 1) == 0 for bit in after.values())


# -- bindings --------------------------------------------------------------------------------------------------


def faults(tables=("cup",), **bindings):
    return check_bindings(HOUSE, bindings, frozenset(tables))


def test_a_sound_binding_has_no_fault():
    assert faults(cup=CUP) == []
    assert faults(cup=NotPersonal(because="cups", also=("printing",))) == []


@pytest.mark.parametrize(
    ("binding", "fault"),
    [
        (changed(category="shoes"), "bound to 'shoes', which is no category"),
        (changed(retention="forever"), "retention 'forever', which is no rule"),
        (changed(person=()), "names no person"),
        (changed(person=(Person("x_id", via="saucer"),)), "through saucer, which is not a bound table"),
        (NotPersonal(because="cups", also=("sipping",)), "open to 'sipping', which is no purpose"),
    ],
)
def test_a_binding_with_an_unknown_word_is_a_fault(binding, fault):
    (found,) = faults(cup=binding)
    assert fault in found


def test_a_table_that_nobody_bound_is_a_fault():
    assert faults(tables=("cup", "saucer"), cup=CUP) == [
        "table saucer is not bound: add it to its feature's privacy.py"
    ]


def test_a_binding_of_no_table_is_a_fault():
    assert faults(tables=(), cup=CUP) == ["binding for cup, but there is no such table: drop it"]


def test_a_person_through_a_bound_table_is_fine_and_through_another_is_not():
    through = changed(person=(Person("saucer_id", via="saucer"),))
    assert faults(tables=("cup", "saucer"), cup=through, saucer=CUP) == []
    (found,) = faults(tables=("cup", "saucer"), cup=through, saucer=NotPersonal(because="saucers"))
    assert "not a bound table" in found


# -- rules -----------------------------------------------------------------------------------------------------


def test_a_rule_runs_once_a_query_and_can_use_an_index():
    assert row_rule((Own("owner_id"), Access("printer_id", Level.OPERATOR))) == (
        "owner_id = (SELECT sec.me()) OR printer_id = ANY ((SELECT sec.printers(2))::uuid[])"
    )
    assert row_rule((Both(Own("owner_id"), Access("printer_id")),)) == (
        "(owner_id = (SELECT sec.me()) AND printer_id = ANY ((SELECT sec.printers(1))::uuid[]))"
    )
    assert row_rule((Sharing("person_id"),)) == "person_id = ANY ((SELECT sec.sharing())::uuid[])"


def test_no_rule_lets_nothing_through():
    assert row_rule(()) == "false"


def test_work_for_everyone_leaves_out_whoever_stopped_it():
    rule = everyone_rule(changed(person=(Person("owner_id"), Person("person_id", role="party"))))
    assert rule.startswith(
        "(SELECT sec.everyone()) AND (owner_id IS NULL OR owner_id <> ALL ((SELECT sec.stopped())::uuid[]))"
    )
    assert "person_id" not in rule


def test_a_person_behind_another_table_does_not_stop_the_work():
    assert everyone_rule(changed(person=(Person("x_id", via="saucer"),))) == "(SELECT sec.everyone())"


# -- statements ------------------------------------------------------------------------------------------------


def test_every_grant_and_policy_is_taken_back_before_any_is_given():
    found = statements(cup=CUP)
    assert "DROP POLICY" in found[0]
    revoked = found.index(starting(found, "REVOKE ALL ON cup FROM PUBLIC, gb_0123ab_web_login")[0])
    assert all(revoked < found.index(grant) for grant in starting(found, "GRANT SELECT"))


def test_a_bound_table_gives_each_purpose_its_commands():
    found = statements(cup=CUP)
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON cup TO gb_0123ab_p_printing" in found
    assert not [s for s in found if "ON cup TO" in s and "gb_0123ab_p_account" in s]
    assert {"ALTER TABLE cup ENABLE ROW LEVEL SECURITY", "ALTER TABLE cup FORCE ROW LEVEL SECURITY"} <= set(
        found
    )


def test_a_bound_table_has_a_policy_for_its_owner_for_everyone_to_see_and_to_change():
    policies = starting(statements(cup=CUP), "CREATE POLICY")
    assert [p.split()[2] for p in policies] == [
        "gb_owner",
        "gb_everyone",
        "gb_see",
        "gb_insert",
        "gb_update",
        "gb_delete",
    ]
    everyone, see, *changes = policies[1:]
    assert "gb_0123ab_p_recording" in everyone
    assert "gb_0123ab_p_printing" not in everyone
    assert see.startswith("CREATE POLICY gb_see ON cup FOR SELECT TO gb_0123ab_p_printing USING")
    assert [p.count("sec.printers(3)") for p in changes] == [1, 2, 1]


def test_a_purpose_that_only_reads_may_not_change():
    found = statements(cup=changed(category="account"))
    assert "GRANT SELECT ON cup TO gb_0123ab_p_account" in found
    assert not starting(found, "CREATE POLICY gb_update")


def test_without_a_rule_of_its_own_a_change_follows_what_is_seen():
    found = statements(cup=changed(change=None))
    assert "sec.printers(1)" in starting(found, "CREATE POLICY gb_update")[0]


def test_a_table_that_no_person_sees_has_no_such_policy():
    found = statements(cup=changed(see=(), change=()))
    assert not starting(found, "CREATE POLICY gb_see")
    assert starting(found, "CREATE POLICY gb_update")[0].endswith("USING (false) WITH CHECK (false)")


def test_who_appends_may_insert_with_a_valid_context_and_no_more():
    found = statements(cup=changed(category="ledger", append_null=("seq",)))
    appenders = ", ".join(ROLES.purpose(name) for name, p in HOUSE.purposes.items() if "ledger" in p.appends)
    assert ROLES.purpose("printing") in appenders
    assert f"GRANT INSERT ON cup TO {appenders}" in found
    assert starting(found, "CREATE POLICY gb_append") == [
        f"CREATE POLICY gb_append ON cup FOR INSERT TO {appenders} WITH CHECK ((SELECT sec.context()) IS NOT NULL AND seq IS NULL)"
    ]


def test_a_category_that_nobody_appends_to_or_reads_for_everyone_has_no_such_policy():
    pack = msgspec.structs.replace(HOUSE, purposes={"account": HOUSE.purposes["account"]})
    found = list(compiler.table_statements(pack, {"cup": changed(category="profile")}, ROLES))
    assert [s.split()[2] for s in starting(found, "CREATE POLICY")] == [
        "gb_owner",
        "gb_see",
        "gb_insert",
        "gb_update",
        "gb_delete",
    ]


def test_a_table_without_personal_data_is_read_by_technical_and_written_by_whom_it_names():
    found = statements(cup=NotPersonal(because="cups", also=("accountability",)))
    assert found[-2:] == [
        "GRANT SELECT ON cup TO gb_0123ab_technical",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON cup TO gb_0123ab_p_accountability",
    ]
    assert statements(cup=NotPersonal(because="cups"))[-1] == "GRANT SELECT ON cup TO gb_0123ab_technical"
    assert not starting(found, "CREATE POLICY")


def test_a_login_takes_purposes_and_inherits_nothing():
    found = list(compiler.role_statements(HOUSE, ROLES, settable=" WITH INHERIT FALSE, SET TRUE"))
    assert "GRANT gb_0123ab_p_recording TO gb_0123ab_recorder_login WITH INHERIT FALSE, SET TRUE" in found
    assert "REVOKE gb_0123ab_p_recording FROM gb_0123ab_web_login" in found
    grants = starting(found, "GRANT")
    assert all(s.endswith("WITH INHERIT FALSE, SET TRUE") for s in grants)
    created = [s for s in found if "CREATE ROLE" in s]
    assert len(created) == 3 + len(HOUSE.purposes) + 3
    assert all("NOINHERIT NOCREATEDB NOCREATEROLE" in s for s in created)
    assert len([s for s in created if " LOGIN " in s]) == 3


def test_each_login_has_its_time_outs():
    found = list(compiler.role_statements(HOUSE, ROLES, settable=" WITH INHERIT FALSE, SET TRUE"))
    for surface in compiler.SURFACES:
        login = ROLES.login(surface)
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert starting(found, f"ALTER ROLE {login} SET {name}")


def test_each_purpose_is_written_where_its_context_is_checked():
    found = list(compiler.purpose_statements(HOUSE, ROLES))
    assert found[0] == "DELETE FROM sec.purpose"
    assert found[1].endswith("VALUES ('gb_0123ab_p_sign_in', 1, true)")
    assert found[3].endswith("VALUES ('gb_0123ab_p_printing', 4, false)")
    assert len(found) == 1 + len(HOUSE.purposes)


def test_every_binding_of_the_house_is_sound():
    import matrix

    assert check_bindings(HOUSE, matrix.BINDINGS, frozenset(matrix.BINDINGS)) == []


def test_adding_and_removing_may_have_rules_of_their_own():
    found = statements(cup=changed(add=(), remove=(Own("owner_id"),)))
    assert starting(found, "CREATE POLICY gb_insert")[0].endswith("WITH CHECK (false)")
    assert starting(found, "CREATE POLICY gb_delete")[0].endswith("USING (owner_id = (SELECT sec.me()))")


def test_a_row_keeps_its_person():
    assert len(starting(statements(cup=CUP), "CREATE OR REPLACE TRIGGER gb_keep_owner_id")) == 1
    through = changed(person=(Person("x_id", via="saucer"),))
    assert starting(statements(cup=through), "CREATE OR REPLACE TRIGGER") == []
