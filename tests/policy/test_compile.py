import msgspec
import pytest

from glassbed.policy import compile as compiler
from glassbed.policy.binding import Access, Both, Bound, Level, NotPersonal, Own, Person, Sharing
from glassbed.policy.compile import Roles, check_bindings, everyone_rule, row_rule, self_rule
from glassbed.policy.pack import find, load
from glassbed.policy.program import PURPOSES

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
    assert ROLES.activity("printing") == "gb_0123ab_a_printing"


def test_no_role_name_is_cut_off_by_postgresql():
    assert max(len(ROLES.purpose("a" * 30)), len(ROLES.activity("a" * 30))) <= 63


def test_every_role_of_the_instance_is_named_once():
    every = ROLES.every(HOUSE)
    assert len(set(every)) == len(every) == 3 + 4 + len(PURPOSES) + len(HOUSE.activities)
    assert ROLES.login("verifier") in every


# -- bindings --------------------------------------------------------------------------------------------------


def faults(tables=("cup",), **bindings):
    return check_bindings(HOUSE, bindings, frozenset(tables))


def test_a_sound_binding_has_no_fault():
    assert faults(cup=CUP) == []
    assert faults(cup=NotPersonal(because="cups", also=("printing",))) == []


@pytest.mark.parametrize(
    ("binding", "fault"),
    [
        (changed(category="shoes"), "bound to 'shoes', which is no kind of data"),
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
        "owner_id = (SELECT sec.me(false)) OR (printer_id = ANY ((SELECT sec.printers(2, false))::uuid[]))"
    )
    assert row_rule((Both(Own("owner_id"), Access("printer_id")),)) == (
        "(owner_id = (SELECT sec.me(false)) AND (printer_id = ANY ((SELECT sec.printers(1, false))::uuid[])))"
    )
    assert row_rule((Sharing("person_id"),)) == "(person_id = ANY ((SELECT sec.sharing(false))::uuid[]))"


def test_rows_of_others_are_shown_only_while_nobody_whose_they_are_is_held():
    assert row_rule((Own("owner_id"), Access("printer_id")), None, ["owner_id"]) == (
        "owner_id = (SELECT sec.me(false)) OR (printer_id = ANY ((SELECT sec.printers(1, false))::uuid[])"
        " AND owner_id <> ALL ((SELECT sec.held(false))::uuid[]))"
    )


@pytest.mark.parametrize("asked", ["consent", "objection"])
def test_where_somebody_is_asked_a_rule_asks_for_their_answer(asked):
    rule = row_rule((Own("owner_id"), Access("printer_id"), Sharing("person_id")), asked)
    assert rule == (
        "owner_id = (SELECT sec.me(true)) OR (printer_id = ANY ((SELECT sec.printers(1, true))::uuid[]))"
        " OR (person_id = ANY ((SELECT sec.sharing(true))::uuid[]))"
    )
    assert self_rule(CUP, asked) == "owner_id = (SELECT sec.me(true))"


def test_a_persons_own_rows_are_theirs_as_owner_or_party_and_never_as_mentioned():
    persons = (
        Person("a"),
        Person("b", role="party"),
        Person("c", role="mentioned"),
        Person("d", via="saucer"),
    )
    assert self_rule(changed(person=persons)) == "a = (SELECT sec.me(false)) OR b = (SELECT sec.me(false))"
    assert self_rule(changed(person=persons[2:])) == "false"


def test_no_rule_lets_nothing_through():
    assert row_rule(()) == "false"


def test_work_for_everyone_leaves_out_whoever_stopped_it():
    persons = (Person("owner_id"), Person("person_id", role="party"), Person("by_id", role="mentioned"))
    assert everyone_rule(changed(person=persons)) == (
        "(SELECT sec.everyone()) AND (owner_id IS NULL OR owner_id <> ALL ((SELECT sec.stopped())::uuid[]))"
        " AND (person_id IS NULL OR person_id <> ALL ((SELECT sec.stopped())::uuid[]))"
    )


def test_a_person_behind_another_table_does_not_stop_the_work():
    assert everyone_rule(changed(person=(Person("x_id", via="saucer"),))) == "(SELECT sec.everyone())"


def test_work_for_everyone_leaves_out_whoever_objected_and_rows_of_nobody():
    assert everyone_rule(CUP, "objection") == (
        "(SELECT sec.everyone()) AND (owner_id IS NOT NULL AND owner_id <> ALL ((SELECT sec.stopped(true))::uuid[]))"
    )


def test_work_for_everyone_that_needs_consent_has_the_rows_of_those_who_gave_it():
    assert everyone_rule(CUP, "consent") == "(SELECT sec.everyone()) AND owner_id IN (SELECT sec.given())"


@pytest.mark.parametrize("asked", ["consent", "objection"])
def test_nobody_can_be_asked_for_a_row_that_names_nobody(asked):
    assert everyone_rule(changed(person=(Person("x_id", via="saucer"),)), asked) == "false"


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
        "gb_see",
        "gb_everyone",
        "gb_self",
        "gb_insert",
        "gb_update",
        "gb_delete",
    ]
    see, everyone, itself, *changes = policies[1:]
    assert "gb_0123ab_p_recording" in everyone
    assert "gb_0123ab_a_history" in everyone
    assert "gb_0123ab_p_printing" not in everyone
    assert itself.startswith(
        "CREATE POLICY gb_self ON cup FOR SELECT TO gb_0123ab_p_own_data USING (owner_id = ("
    )
    assert see.startswith("CREATE POLICY gb_see ON cup FOR SELECT TO gb_0123ab_p_printing USING")
    assert [p.count("sec.printers(3, false)") for p in changes] == [1, 2, 1]


def test_a_purpose_that_only_reads_may_not_change():
    found = statements(cup=changed(category="account"))
    assert "GRANT SELECT ON cup TO gb_0123ab_p_account" in found
    assert not starting(found, "CREATE POLICY gb_update")


def test_without_a_rule_of_its_own_a_change_follows_what_is_seen():
    found = statements(cup=changed(change=None))
    assert "sec.printers(1, false)" in starting(found, "CREATE POLICY gb_update")[0]


def test_a_table_that_no_person_sees_has_no_such_policy():
    found = statements(cup=changed(see=(), change=()))
    assert not starting(found, "CREATE POLICY gb_see")
    assert starting(found, "CREATE POLICY gb_update")[0].endswith("USING (false) WITH CHECK (false)")


def asking(basis):
    """The house, where printing rests on what its person is asked for."""
    ground = msgspec.structs.replace(HOUSE.activities["printing"].grounds[0], basis=basis)
    printing = msgspec.structs.replace(HOUSE.activities["printing"], grounds=(ground,))
    return msgspec.structs.replace(HOUSE, activities={**HOUSE.activities, "printing": printing})


def test_who_appends_may_insert_with_a_valid_context_and_no_more():
    ledger = {"cup": changed(category="ledger", append_null=("seq",))}
    found = list(compiler.table_statements(asking("consent"), ledger, ROLES))
    appenders = {ROLES.purpose(name) for name, purpose in PURPOSES.items() if "ledger" in purpose.appends}
    for role in appenders:
        assert f"GRANT INSERT ON cup TO {role}" in found
    policies = {policy.split()[2]: policy for policy in starting(found, "CREATE POLICY gb_append")}
    valid = "WITH CHECK ((SELECT sec.context()) IS NOT NULL AND seq IS NULL"
    near = "(owner_id IS NULL OR owner_id = (SELECT sec.me({0})) OR owner_id = ANY ((SELECT sec.sharing({0}))::uuid[]))"
    assert policies["gb_append"].endswith(f"{valid})")
    assert "gb_0123ab_p_sign_in" in policies["gb_append"]
    assert policies["gb_append_own"].endswith(f"{valid} AND {near.format('false')})")
    assert "gb_0123ab_p_account" in policies["gb_append_own"]
    assert policies["gb_append_own_consent"].endswith(f"{valid} AND {near.format('true')})")
    assert "gb_0123ab_p_printing" in policies["gb_append_own_consent"]
    assert policies["gb_append_consent"].endswith(f"{valid} AND owner_id IN (SELECT sec.given()))")
    assert "gb_0123ab_p_pairing" in policies["gb_append_consent"]


def test_what_rests_on_consent_or_interest_has_policies_of_its_own():
    consented = starting(statements(cup=changed(category="contact")), "CREATE POLICY gb_everyone_consent")
    objected = starting(statements(cup=changed(category="print")), "CREATE POLICY gb_everyone_objection")
    assert "TO gb_0123ab_p_news, gb_0123ab_a_news USING" in consented[0]
    assert "TO gb_0123ab_p_statistics, gb_0123ab_a_statistics USING" in objected[0]


@pytest.mark.parametrize(("basis", "asked"), [("consent", "consent"), ("legitimate_interest", "objection")])
def test_what_a_person_is_asked_for_is_asked_at_every_command(basis, asked):
    found = list(compiler.table_statements(asking(basis), {"cup": CUP}, ROLES))
    for command in ("see", "insert", "update", "delete"):
        (policy,) = starting(found, f"CREATE POLICY gb_{command}")
        assert policy.startswith(f"CREATE POLICY gb_{command}_{asked} ON cup")
        assert ", false)" not in policy


def test_a_kind_that_nobody_appends_to_or_reads_for_everyone_has_no_such_policy():
    only = msgspec.structs.replace(HOUSE, activities={"account": HOUSE.activities["account"]})
    found = list(compiler.table_statements(only, {"cup": changed(category="device")}, ROLES))
    assert [s.split()[2] for s in starting(found, "CREATE POLICY")] == ["gb_owner"]
    assert starting(found, "GRANT SELECT") == []


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
    assert len(created) == 3 + len(PURPOSES) + len(HOUSE.activities) + 4
    assert all("NOINHERIT NOCREATEDB NOCREATEROLE" in s for s in created)
    assert len([s for s in created if " LOGIN " in s]) == 3


def test_the_verifier_takes_every_role_and_a_process_no_activity():
    assert compiler.taken_by("verifier", HOUSE, ROLES) == set(ROLES.taken(HOUSE))
    for surface in ("web", "worker", "recorder"):
        assert not [role for role in compiler.taken_by(surface, HOUSE, ROLES) if "_a_" in role]
    assert compiler.taken_by("recorder", HOUSE, ROLES) == {ROLES.purpose("recording")}


def test_no_process_takes_a_purpose_that_no_activity_has():
    without = msgspec.structs.replace(HOUSE.activities["history"], purposes=())
    pack = msgspec.structs.replace(HOUSE, activities={**HOUSE.activities, "history": without})
    assert compiler.taken_by("recorder", pack, ROLES) == set()
    assert ROLES.purpose("recording") not in [state.role for state in compiler.states(pack, ROLES)]


def test_what_can_be_stopped_is_written_where_contexts_are_checked():
    found = list(compiler.state_statements(HOUSE, ROLES))
    first = "INSERT INTO sec.bit (bit, activity, asked, opens, despite) VALUES "
    assert found[0] == "DELETE FROM sec.bit"
    assert found[1] == f"{first}(1, 'account', false, true, ARRAY['restriction']::text[])"
    assert f"{first}(64, 'news', true, false, ARRAY[]::text[])" in found
    assert f"{first}(256, 'statistics', true, true, ARRAY[]::text[])" in found
    assert found[-1] == "SELECT sec.refresh()"
    assert found.index("DELETE FROM sec.purpose") == 1 + len(HOUSE.activities) + 2


def test_each_role_is_written_with_its_bits_and_its_reach():
    found = list(compiler.state_statements(HOUSE, ROLES))
    first = "INSERT INTO sec.purpose (role, bit, asked_bit, asked_opens, everyone) VALUES "
    for role in (
        "('gb_0123ab_p_account', 1, 0, true, false)",
        "('gb_0123ab_p_sign_in', 1, 0, true, true)",
        "('gb_0123ab_p_news', 32, 64, false, true)",
        "('gb_0123ab_p_statistics', 128, 256, true, true)",
        "('gb_0123ab_a_news', 32, 64, false, true)",
    ):
        assert first + role in found
    assert len(starting(found, first)) == len(PURPOSES) + len(HOUSE.activities)


def test_every_binding_of_the_house_is_sound():
    import matrix

    assert check_bindings(HOUSE, matrix.BINDINGS, frozenset(matrix.BINDINGS)) == []


def test_adding_and_removing_may_have_rules_of_their_own():
    found = statements(cup=changed(add=(), remove=(Own("owner_id"),)))
    assert starting(found, "CREATE POLICY gb_insert")[0].endswith("WITH CHECK (false)")
    assert starting(found, "CREATE POLICY gb_delete")[0].endswith("USING (owner_id = (SELECT sec.me(false)))")


def test_a_row_keeps_its_person():
    assert len(starting(statements(cup=CUP), "CREATE OR REPLACE TRIGGER gb_keep_owner_id")) == 1
    through = changed(person=(Person("x_id", via="saucer"),))
    assert starting(statements(cup=through), "CREATE OR REPLACE TRIGGER") == []
