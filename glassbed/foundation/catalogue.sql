-- All that decides who may read what in this database, as kind, name and what is said of it. For drift.py.
-- Columns that PostgreSQL 15 has. Nothing that autovacuum, sequences or counters of use change. What PostgreSQL itself
-- brought has an object id below 16384; temporary tables are their session's own.
WITH mine AS (
    SELECT c.*, n.nspname || '.' || c.relname AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid >= 16384 AND c.relpersistence <> 't' AND n.nspname !~ '^pg_toast'
), this AS (
    SELECT * FROM pg_database WHERE datname = current_database()
)
SELECT 'policy' AS kind, schemaname || '.' || tablename || '.' || policyname AS name,
       concat_ws('|', permissive, roles::text, cmd, qual, with_check) AS said
  FROM pg_policies
UNION ALL
SELECT 'table', name,
       concat_ws('|', relkind, relpersistence, pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity,
                 (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(relacl) a)::text,
                 CASE WHEN relkind = 'v' THEN reloptions::text END,
                 (SELECT string_agg(i.inhparent::regclass::text, ',' ORDER BY i.inhseqno)
                    FROM pg_inherits i WHERE i.inhrelid = mine.oid))
  FROM mine WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
UNION ALL
SELECT 'column', mine.name || '.' || a.attname,
       concat_ws('|', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                 pg_get_expr(d.adbin, d.adrelid), a.attacl::text)
  FROM mine JOIN pg_attribute a ON a.attrelid = mine.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE mine.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT 'constraint', mine.name || '.' || c.conname, concat_ws('|', pg_get_constraintdef(c.oid), c.convalidated)
  FROM pg_constraint c JOIN mine ON mine.oid = c.conrelid
UNION ALL
-- The others only make queries faster. A copy that is being rebuilt is not valid yet, or no longer.
SELECT 'index', mine.name, pg_get_indexdef(i.indexrelid)
  FROM pg_index i JOIN mine ON mine.oid = i.indexrelid
 WHERE i.indisvalid AND (i.indisunique OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
UNION ALL
SELECT 'rule', mine.name || '.' || r.rulename, concat_ws('|', r.ev_enabled, md5(pg_get_ruledef(r.oid)))
  FROM pg_rewrite r JOIN mine ON mine.oid = r.ev_class
UNION ALL
SELECT 'trigger', mine.name || '.' || t.tgname, concat_ws('|', t.tgenabled, pg_get_triggerdef(t.oid))
  FROM pg_trigger t JOIN mine ON mine.oid = t.tgrelid WHERE NOT t.tgisinternal OR t.tgenabled <> 'O'
UNION ALL
SELECT 'function', p.oid::regprocedure::text,
       concat_ws('|', pg_get_userbyid(p.proowner),
                 (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(p.proacl) a)::text,
                 CASE WHEN p.prokind <> 'a' THEN md5(pg_get_functiondef(p.oid)) END)
  FROM pg_proc p WHERE p.oid >= 16384
UNION ALL
SELECT 'function', p.oid::regprocedure::text, p.proacl::text
  FROM pg_proc p LEFT JOIN pg_init_privs i ON i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid
 WHERE p.oid < 16384 AND p.proacl IS DISTINCT FROM i.initprivs
UNION ALL
SELECT 'table', c.oid::regclass::text, c.relacl::text
  FROM pg_class c LEFT JOIN pg_init_privs i
    ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0
 WHERE c.oid < 16384 AND c.relkind IN ('r', 'v') AND c.relacl IS DISTINCT FROM i.initprivs
UNION ALL
SELECT 'schema', n.nspname, concat_ws('|', pg_get_userbyid(n.nspowner),
       (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(n.nspacl) a)::text)
  FROM pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp)'
UNION ALL
SELECT 'the access to', 'the database', concat_ws('|', pg_get_userbyid(this.datdba),
       (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(this.datacl) a)::text)
  FROM this
UNION ALL
SELECT 'default privileges of', pg_get_userbyid(d.defaclrole) || ' for ' || d.defaclobjtype::text
       || CASE d.defaclnamespace WHEN 0 THEN '' ELSE ' in ' || d.defaclnamespace::regnamespace END, d.defaclacl::text
  FROM pg_default_acl d
UNION ALL
SELECT 'event trigger', e.evtname, concat_ws('|', e.evtevent, e.evtenabled, e.evtfoid::regproc, e.evttags::text)
  FROM pg_event_trigger e
UNION ALL
SELECT 'extension', e.extname, concat_ws('|', e.extversion, e.extnamespace::regnamespace) FROM pg_extension e
UNION ALL
SELECT 'language', l.lanname, concat_ws('|', l.lanpltrusted, l.lanacl::text) FROM pg_language l
UNION ALL
SELECT 'foreign server', s.srvname, concat_ws('|', pg_get_userbyid(s.srvowner), s.srvacl::text)
  FROM pg_foreign_server s
UNION ALL
SELECT 'subscription', s.subname, s.subenabled::text FROM pg_subscription s JOIN this ON this.oid = s.subdbid
UNION ALL
SELECT 'replication slot', s.slot_name, s.plugin FROM pg_replication_slots s WHERE s.database = current_database()
UNION ALL
SELECT 'parameter', p.parname, p.paracl::text FROM pg_parameter_acl p
UNION ALL
SELECT 'setting', concat_ws(' ', r.rolname, split_part(c, '=', 1)), substr(c, strpos(c, '=') + 1)
  FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) c LEFT JOIN pg_roles r ON r.oid = s.setrole
 WHERE (s.setrole = 0 OR r.rolname ~ %(ours)s) AND (s.setdatabase = 0 OR s.setdatabase = (SELECT oid FROM this))
UNION ALL
-- Of other roles those that no right and no policy stops.
SELECT 'role', r.rolname,
       concat_ws('|', r.rolsuper, r.rolbypassrls, r.rolcanlogin, r.rolcreaterole, r.rolcreatedb, r.rolinherit,
                 r.rolreplication, r.rolconnlimit, extract(epoch FROM r.rolvaliduntil))
  FROM pg_roles r
 WHERE r.rolname ~ %(ours)s OR r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication
UNION ALL
SELECT 'member', pg_get_userbyid(m.member) || ' of ' || pg_get_userbyid(m.roleid),
       (to_jsonb(m) - 'oid' - 'roleid' - 'member' - 'grantor')::text
  FROM pg_auth_members m
 WHERE pg_get_userbyid(m.member) ~ %(ours)s OR pg_get_userbyid(m.roleid) ~ %(ours)s
    OR (m.roleid < 16384 AND m.member >= 16384) OR m.roleid = (SELECT datdba FROM this)
UNION ALL
SELECT 'purpose', p.role, concat_ws('|', p.bit, p.asked_bit, p.asked_opens, p.everyone) FROM sec.purpose p
UNION ALL
SELECT 'bit', b.activity || CASE WHEN b.asked THEN ' asked' ELSE '' END, concat_ws('|', b.bit, b.opens, b.despite::text)
  FROM sec.bit b
ORDER BY 1, 2, 3
