"""What is in the database and comes neither from Glassbed nor from its pack: rights are taken back, code is refused.

Run by `apply` before it writes down the catalogue, so that nothing becomes right by being there.
"""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import psycopg
from psycopg import sql

from glassbed.foundation.logins import pattern
from glassbed.policy import compile as compiler

Connection = psycopg.Connection[Any]


class Strange(Exception):
    """The database holds code that is not Glassbed's and could pass people's data on. Remove it, then prepare again."""


GRANTED = """
WITH given AS (
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name,
           c.relnamespace AS schema, c.relowner AS owner, a.*
      FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    UNION ALL
    SELECT 'TABLE', c.oid::regclass::text, c.relnamespace, c.relowner, a.*
      FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid CROSS JOIN LATERAL aclexplode(t.attacl) a
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text, p.pronamespace, p.proowner, a.*
      FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
     WHERE NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT 'REVOKE ALL ON ' || kind || ' ' || name || ' FROM '
       || string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ')
       || ' CASCADE'
  FROM given
 WHERE schema IN ('public'::regnamespace, 'sec'::regnamespace) AND grantee <> owner AND grantor = owner
   AND pg_has_role(owner, 'USAGE')
 GROUP BY kind, name ORDER BY 1
"""
"""Whatever an owner gave to anybody else: what pack and bindings say is given anew in the same transaction."""

SCHEMAS = """
SELECT 'REVOKE ALL ON SCHEMA ' || quote_ident(n.nspname) || ' FROM ' || string_agg(DISTINCT
       CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END, ', ') || ' CASCADE'
  FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND (n.nspname IN ('public', 'sec')) = (r.rolname IS NOT NULL AND r.rolname !~ %(ours)s)
   AND a.grantee <> n.nspowner AND {mine}
 GROUP BY n.nspname ORDER BY 1
"""
"""Of our schemas the rights of strangers, of other schemas the rights of ours and of everybody."""

DEFAULTS = """
SELECT 'ALTER DEFAULT PRIVILEGES FOR ROLE ' || quote_ident(r.rolname)
       || CASE d.defaclnamespace WHEN 0 THEN '' ELSE ' IN SCHEMA ' || d.defaclnamespace::regnamespace END
       || ' REVOKE ALL ON ' || CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
          WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END
       || ' FROM ' || string_agg(DISTINCT
          CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, ', ')
  FROM pg_default_acl d JOIN pg_roles r ON r.oid = d.defaclrole CROSS JOIN LATERAL aclexplode(d.defaclacl) a
 WHERE a.grantee <> d.defaclrole AND (r.rolname = ANY (%(owners)s) OR r.rolname = CURRENT_USER)
 GROUP BY r.rolname, d.defaclnamespace, d.defaclobjtype ORDER BY 1
"""


def take_back(deploy: Connection, roles: compiler.Roles) -> None:
    """Revoke what anybody was given on our tables and functions, and what ours were given elsewhere."""
    values = {"ours": pattern(roles), "owners": [roles.owner, roles.sec]}
    mine = sql.SQL("a.grantor = n.nspowner AND pg_has_role(n.nspowner, 'USAGE')")
    for query in (sql.SQL(GRANTED), sql.SQL(SCHEMAS).format(mine=mine), sql.SQL(DEFAULTS)):
        _run(deploy, query, values)
    deploy.execute(f"SET LOCAL ROLE {roles.owner}")  # who gives rights on `public` on
    mine = sql.SQL("a.grantor = CURRENT_USER::regrole AND n.nspname = 'public'")
    _run(deploy, sql.SQL(SCHEMAS).format(mine=mine), values)
    deploy.execute("RESET ROLE")


def _run(deploy: Connection, query: sql.SQL | sql.Composed, values: Mapping[str, object]) -> None:
    for (statement,) in deploy.execute(query, values).fetchall():
        deploy.execute(statement)


DATABASE = """
SELECT 'REVOKE ' || CASE WHEN a.grantee = 0 OR r.rolname ~ %(ours)s THEN 'ALL' ELSE 'CREATE, TEMPORARY' END
       || ' ON DATABASE ' || quote_ident(d.datname) || ' FROM ' || coalesce(quote_ident(r.rolname), 'PUBLIC') || ' CASCADE'
  FROM pg_database d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
  LEFT JOIN pg_roles r ON r.oid = a.grantee
 WHERE d.datname = current_database() AND a.grantor = d.datdba AND a.grantee <> d.datdba
 GROUP BY d.datname, a.grantee, r.rolname
UNION ALL
SELECT 'REVOKE ALL ON PARAMETER ' || quote_ident(p.parname) || ' FROM ' || coalesce(quote_ident(r.rolname), 'PUBLIC')
  FROM pg_parameter_acl p CROSS JOIN LATERAL aclexplode(p.paracl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
 WHERE %(superuser)s AND (a.grantee = 0 OR r.rolname ~ %(ours)s)
UNION ALL
SELECT 'REVOKE ALL ON FUNCTION ' || p.oid::regprocedure || ' FROM ' || coalesce(quote_ident(r.rolname), 'PUBLIC')
  FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  LEFT JOIN pg_roles r ON r.oid = a.grantee
 WHERE %(superuser)s AND p.oid = ANY (%(closed)s::text[]::regprocedure[]) AND a.grantee <> p.proowner
"""

CLOSED = ["lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)"]
"""What makes large objects: a store beside the tables, which no binding would see."""


def take_back_database(deploy: Connection, roles: compiler.Roles, *, is_superuser: bool) -> None:
    """Revoke what ours and everybody may do in the database as such; others may still connect."""
    values = {"ours": pattern(roles), "superuser": is_superuser, "closed": CLOSED}
    _run(deploy, sql.SQL(DATABASE), values)


MEMBERS = """
SELECT pg_get_userbyid(m.roleid)::text, pg_get_userbyid(m.member)::text, pg_get_userbyid(m.grantor)::text,
       m.admin_option OR coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, false)
  FROM pg_auth_members m
 WHERE (pg_get_userbyid(m.roleid) ~ %(ours)s OR pg_get_userbyid(m.member) ~ %(ours)s)
   AND pg_get_userbyid(m.member) <> CURRENT_USER
   AND (%(superuser)s OR m.grantor = CURRENT_USER::regrole)
 ORDER BY 1, 2, 3
"""


def end_memberships(
    admin: Connection,
    wanted: set[tuple[str, str]],
    roles: compiler.Roles,
    *,
    names_grantor: bool,
    is_superuser: bool,
) -> None:
    """Let nobody take a role of ours, and ours take no other, but as wanted: pairs of role and member.

    `names_grantor`: from PostgreSQL 16 on each grantor's membership is one of its own.
    """
    rows = admin.execute(MEMBERS, {"ours": pattern(roles), "superuser": is_superuser}).fetchall()
    for role, member, grantor, is_more in rows:
        if is_more or (role, member) not in wanted:
            by = sql.SQL("GRANTED BY {}").format(sql.Identifier(grantor)) if names_grantor else sql.SQL("")
            statement = sql.SQL("REVOKE {} FROM {} {} CASCADE")
            admin.execute(statement.format(sql.Identifier(role), sql.Identifier(member), by))


def signatures(sec_sql: str) -> list[str]:
    """The functions that sec.sql makes, as `name(type, …)`."""
    found = re.findall(r"^CREATE OR REPLACE FUNCTION (sec\.\w+)\((.*?)\)", sec_sql, re.MULTILINE)
    return [
        f"{name}({', '.join(filter(None, map(_type, arguments.split(','))))})" for name, arguments in found
    ]


def _type(argument: str) -> str:
    return " ".join(argument.partition(" DEFAULT ")[0].split()[1:])


TRIGGERS = """
SELECT c.relname::text, t.tgname::text, n.nspname = 'public' AND p.pronamespace = 'sec'::regnamespace
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_proc p ON p.oid = t.tgfoid
 WHERE NOT t.tgisinternal AND n.nspname IN ('public', 'sec') ORDER BY 1, 2
"""


def drop_outgrown_functions(deploy: Connection, sec_sql: str) -> None:
    """Drop functions of `sec` that an earlier version made: once the row policies are made anew, nothing calls them."""
    rows = deploy.execute(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'sec'::regnamespace "
        "AND p.oid <> ALL (SELECT to_regprocedure(name) FROM unnest(%s::text[]) name)",
        [signatures(sec_sql)],
    ).fetchall()
    for (function,) in rows:
        deploy.execute(f"DROP ROUTINE {function}")


CODE = """
SELECT 'function ' || p.oid::regprocedure FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'rule ' || r.rulename || ' of ' || c.oid::regclass
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
 WHERE c.relnamespace IN ('public'::regnamespace, 'sec'::regnamespace) AND c.relkind IN ('r', 'p')
UNION ALL
SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'view ' ELSE 'table ' END || c.oid::regclass FROM pg_class c
 WHERE c.relnamespace = 'sec'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND (c.relkind <> 'r' OR pg_get_userbyid(c.relowner) <> %(sec)s)
UNION ALL
SELECT 'function ' || p.oid::regprocedure FROM pg_proc p
 WHERE p.pronamespace = 'sec'::regnamespace AND pg_get_userbyid(p.proowner) <> %(sec)s
UNION ALL
SELECT 'function ' || d.refobjid::regprocedure || ', called by the ' || pg_describe_object(d.classid, d.objid, d.objsubid)
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.refobjid
 WHERE d.refclassid = 'pg_proc'::regclass AND p.pronamespace NOT IN ('sec'::regnamespace, 'public'::regnamespace)
   AND (d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass)
        OR (d.classid = 'pg_class'::regclass AND (SELECT relkind FROM pg_class WHERE oid = d.objid) IN ('i', 'I')))
   AND (pg_identify_object_as_address(d.classid, d.objid, d.objsubid)).object_names[1] IN ('public', 'sec')
ORDER BY 1
"""


def refuse(deploy: Connection, roles: compiler.Roles, triggers: AbstractSet[tuple[str, str]]) -> None:
    """Raise `Strange` with each function, rule, view and trigger in our schemas that is not ours.

    Triggers that an earlier version made are dropped. `triggers`: table and name of those of this one.
    """
    found = [said for (said,) in deploy.execute(CODE, {"sec": roles.sec})]
    for table, name, is_ours in deploy.execute(TRIGGERS).fetchall():
        if not is_ours or not name.startswith("gb_"):
            found.append(f"trigger {name} of {table}")
        elif (table, name) not in triggers:
            deploy.execute(f"DROP TRIGGER {name} ON {table}")
    if found:
        raise Strange("\n".join(found))


def findings(connection: Connection, roles: compiler.Roles) -> Iterator[str]:
    """What ours, or everybody, may do outside of our schemas."""
    for (said,) in connection.execute(ELSEWHERE, {"ours": pattern(roles)}):
        yield said


ELSEWHERE = """
SELECT CASE a.grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee)::text END
       || ' may ' || a.privilege_type || ' the schema ' || n.nspname || ', which is not Glassbed''s'
  FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public', 'sec')
   AND (a.grantee = 0 OR pg_get_userbyid(a.grantee) ~ %(ours)s)
UNION ALL
SELECT CASE a.grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee)::text END
       || ' may ' || a.privilege_type || ' ' || p.parname || ', which is for superusers'
  FROM pg_parameter_acl p CROSS JOIN LATERAL aclexplode(p.paracl) a
 WHERE a.grantee = 0 OR pg_get_userbyid(a.grantee) ~ %(ours)s
UNION ALL
SELECT CASE a.grantee WHEN 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee)::text END
       || ' may ' || a.privilege_type || ' in the database'
  FROM pg_database d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
 WHERE d.datname = current_database() AND a.grantee <> d.datdba AND a.privilege_type <> 'CONNECT'
UNION ALL
SELECT count(*) || ' large objects lie beside the tables, where no binding sees them'
  FROM pg_largeobject_metadata HAVING count(*) > 0
ORDER BY 1
"""
