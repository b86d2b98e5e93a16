-- Schema sec: the signed context of a query, who may use which printer, and who stopped which purpose.
-- Owned by the role sec; safe to run again.

CREATE TABLE IF NOT EXISTS sec.secret (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    inner_pad bytea NOT NULL,   -- of HMAC-SHA-256 (RFC 2104): key ^ 0x36…, key ^ 0x5c…
    outer_pad bytea NOT NULL
);

-- What a person can stop: an activity, and the part of it that they are asked for. Written anew at every apply.
CREATE TABLE IF NOT EXISTS sec.bit (
    bit bigint PRIMARY KEY,
    activity text NOT NULL,
    asked boolean NOT NULL,
    opens boolean NOT NULL,  -- on unless stopped; else off until consent is given
    despite text[] NOT NULL  -- the holds that do not stop it
);

CREATE TABLE IF NOT EXISTS sec.purpose (
    role name PRIMARY KEY,
    bit bigint NOT NULL,
    asked_bit bigint NOT NULL,
    asked_opens boolean NOT NULL,
    everyone boolean NOT NULL
);

-- What follows from people's choices and holds, as bits. Kept in the same transaction as what it follows from.
CREATE TABLE IF NOT EXISTS sec.person_state (
    person uuid PRIMARY KEY,
    stopped bigint NOT NULL DEFAULT 0,
    given bigint NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS person_state_stopped ON sec.person_state (person, stopped) WHERE stopped <> 0;
CREATE INDEX IF NOT EXISTS person_state_given ON sec.person_state (person, given) WHERE given <> 0;

-- The latest decision on each activity.
CREATE TABLE IF NOT EXISTS sec.choice (
    person uuid NOT NULL,
    activity text NOT NULL,
    open boolean NOT NULL,
    until timestamptz,  -- a consent runs out
    at timestamptz NOT NULL,
    decision uuid NOT NULL,
    PRIMARY KEY (person, activity)
);
CREATE INDEX IF NOT EXISTS choice_runs_out ON sec.choice (until) WHERE open;

CREATE TABLE IF NOT EXISTS sec.hold (
    person uuid NOT NULL,
    kind text NOT NULL,
    PRIMARY KEY (person, kind)
);

CREATE TABLE IF NOT EXISTS sec.access (
    printer uuid NOT NULL,
    person uuid NOT NULL,
    level smallint NOT NULL CHECK (level BETWEEN 1 AND 3),
    PRIMARY KEY (printer, person)
);
CREATE INDEX IF NOT EXISTS access_person ON sec.access (person, level, printer);

CREATE TABLE IF NOT EXISTS sec.applied (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    pack text NOT NULL,  -- digest
    at timestamptz NOT NULL
);

-- What the database's own catalogue said of grants, policies, functions and roles when the pack was applied.
CREATE TABLE IF NOT EXISTS sec.catalogue (
    kind text NOT NULL,
    name text NOT NULL,
    said text
);

-- All plpgsql: it keeps its plans, where a function in SQL that can't be inlined is planned at every call.

-- glassbed.ctx is purpose role|person or -|expiry, Unix seconds|backend pid|hex HMAC of what stands before.
-- Returns the person's id, the nil UUID for work without a person, or NULL when the context does not hold.
CREATE OR REPLACE FUNCTION sec.context() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    part text[] := string_to_array(current_setting('glassbed.ctx', true), '|');
    pads sec.secret;
BEGIN
    IF array_length(part, 1) IS DISTINCT FROM 5 OR part[1] <> current_setting('role')
       OR part[4] <> pg_backend_pid()::text OR part[3]::bigint < extract(epoch FROM clock_timestamp()) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO pads FROM sec.secret;
    IF encode(sha256(pads.outer_pad || sha256(
           pads.inner_pad || convert_to(array_to_string(part[1:4], '|'), 'UTF8'))), 'hex') IS DISTINCT FROM part[5] THEN
        RETURN NULL;
    END IF;
    RETURN CASE part[2] WHEN '-' THEN '00000000-0000-0000-0000-000000000000' ELSE part[2] END::uuid;
END $$;

-- The person that this query runs for, unless that person stopped what it is for. `asked`: also what they are asked for.
CREATE OR REPLACE FUNCTION sec.me(asked boolean DEFAULT false) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who uuid := sec.context();
BEGIN
    RETURN (
        SELECT s.person FROM sec.person_state s, sec.purpose p
        WHERE s.person = who AND p.role = current_setting('role')
          AND CASE WHEN asked AND NOT p.asked_opens THEN s.given & p.asked_bit <> 0
                   ELSE s.stopped & CASE WHEN asked THEN p.asked_bit ELSE p.bit END = 0 END
    );
END $$;

-- The printers that this person may use at a level or above it.
CREATE OR REPLACE FUNCTION sec.printers(needed integer, asked boolean DEFAULT false) RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who uuid := sec.me(asked);
BEGIN
    RETURN ARRAY(SELECT a.printer FROM sec.access a WHERE a.person = who AND a.level >= needed);
END $$;

-- The people with whom this person shares a printer that one of the two owns.
CREATE OR REPLACE FUNCTION sec.sharing(asked boolean DEFAULT false) RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who uuid := sec.me(asked);
BEGIN
    RETURN ARRAY(
        SELECT DISTINCT b.person FROM sec.access a JOIN sec.access b ON b.printer = a.printer
        WHERE a.person = who AND 3 IN (a.level, b.level)
    );
END $$;

-- The people whose data may not be used for this, for rows that are shown to others: theirs are not for others either.
CREATE OR REPLACE FUNCTION sec.held(asked boolean DEFAULT false) RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    this bigint := (
        SELECT CASE WHEN asked THEN p.asked_bit ELSE p.bit END FROM sec.purpose p WHERE p.role = current_setting('role')
    );
BEGIN
    IF sec.me(asked) IS NULL THEN
        RETURN NULL;  -- no list for who has no context; and nothing is different from all of nothing known
    END IF;
    RETURN ARRAY(SELECT s.person FROM sec.person_state s WHERE s.stopped <> 0 AND s.stopped & this <> 0);
END $$;

-- Whether a valid context runs under a purpose that reaches everyone's rows.
CREATE OR REPLACE FUNCTION sec.everyone() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN sec.context() IS NOT NULL
       AND EXISTS (SELECT FROM sec.purpose p WHERE p.role = current_setting('role') AND p.everyone);
END $$;

-- The people who stopped this purpose, for one that reaches everyone's rows: few, and looked up once a query.
CREATE OR REPLACE FUNCTION sec.stopped(asked boolean DEFAULT false) RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    this bigint := (
        SELECT CASE WHEN asked THEN p.asked_bit ELSE p.bit END FROM sec.purpose p WHERE p.role = current_setting('role')
    );
BEGIN
    IF NOT sec.everyone() THEN
        RETURN NULL;  -- no list for who has no context; and nothing is different from all of nothing known
    END IF;
    RETURN ARRAY(SELECT s.person FROM sec.person_state s WHERE s.stopped <> 0 AND s.stopped & this <> 0);
END $$;

-- The people who consented to this purpose, for one that reaches everyone's rows.
CREATE OR REPLACE FUNCTION sec.given() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog ROWS 10000 AS $$
DECLARE
    this bigint := (SELECT p.asked_bit FROM sec.purpose p WHERE p.role = current_setting('role') AND NOT p.asked_opens);
BEGIN
    IF sec.everyone() THEN
        RETURN QUERY SELECT s.person FROM sec.person_state s WHERE s.given <> 0 AND s.given & this <> 0;
    END IF;
END $$;

-- What follows from choices and holds for these people, whatever their state says. An array reaches the index.
CREATE OR REPLACE FUNCTION sec.following(people uuid[])
RETURNS TABLE (person uuid, stopped bigint, given bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN QUERY
    SELECT s.person,
           coalesce(bit_or(b.bit) FILTER (WHERE b.opens AND (held.yes OR (b.asked AND NOT coalesce(c.open, true)))), 0),
           coalesce(bit_or(b.bit) FILTER (WHERE NOT b.opens AND NOT held.yes AND coalesce(c.open, false)), 0)
    FROM sec.person_state s
    CROSS JOIN sec.bit b
    LEFT JOIN sec.choice c ON c.person = s.person AND c.activity = b.activity
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM sec.hold h WHERE h.person = s.person AND h.kind <> ALL (b.despite)) AS yes
    ) held
    WHERE s.person = ANY (people)
    GROUP BY s.person;
END $$;

-- Works out states anew: of one person, or of everybody. Who comes second waits, and then sees what the first decided.
CREATE OR REPLACE FUNCTION sec.refresh(who uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    people uuid[] := CASE WHEN who IS NULL THEN ARRAY(SELECT s.person FROM sec.person_state s) ELSE ARRAY[who] END;
BEGIN
    PERFORM FROM sec.person_state s WHERE s.person = ANY (people) ORDER BY s.person FOR UPDATE;
    UPDATE sec.person_state s SET stopped = f.stopped, given = f.given
    FROM sec.following(people) f
    WHERE s.person = ANY (people) AND f.person = s.person
      AND (s.stopped, s.given) IS DISTINCT FROM (f.stopped, f.given);
END $$;

-- Ends the consents that have run out by a moment, and returns how many.
CREATE OR REPLACE FUNCTION sec.expire(as_of timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who uuid;
    ended integer := 0;
BEGIN
    IF NOT sec.everyone() THEN
        RETURN 0;
    END IF;
    FOR who IN UPDATE sec.choice c SET open = false WHERE c.open AND c.until <= as_of RETURNING c.person LOOP
        PERFORM sec.refresh(who);
        ended := ended + 1;
    END LOOP;
    RETURN ended;
END $$;

-- How many people's state is not what follows from their decisions and holds, asked of the rows themselves.
-- `planted` adds somebody whose state follows from nothing: who tries the control sees that it would be found.
CREATE OR REPLACE FUNCTION sec.astray(planted boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN (
        SELECT count(DISTINCT person) FROM (
            SELECT s.person FROM (
                SELECT p.person, p.stopped, p.given FROM sec.person_state p
                UNION ALL SELECT '00000000-0000-0000-0000-000000000000', -1, -1 WHERE planted
            ) s LEFT JOIN sec.following(ARRAY(SELECT p.person FROM sec.person_state p)) f USING (person)
            WHERE (s.stopped, s.given) IS DISTINCT FROM (coalesce(f.stopped, 0), coalesce(f.given, 0))
            UNION ALL
            SELECT coalesce(c.person, d.person_id) FROM sec.choice c
            FULL JOIN (
                SELECT DISTINCT ON (t.person_id, t.activity) t.person_id, t.activity, t.open, t.until
                FROM public.trust_decision t ORDER BY t.person_id, t.activity, t.at DESC, t.id DESC
            ) d ON d.person_id = c.person AND d.activity = c.activity
            WHERE c.open IS DISTINCT FROM d.open AND NOT (d.open AND NOT c.open AND d.until <= clock_timestamp())
               OR c.person IS NULL OR d.person_id IS NULL
            UNION ALL
            SELECT coalesce(h.person, t.person_id) FROM sec.hold h
            FULL JOIN public.trust_hold t ON t.person_id = h.person AND t.kind = h.kind
            WHERE h.person IS NULL OR t.person_id IS NULL
        ) AS wrong
    );
END $$;

-- A row never becomes somebody else's: what changes hands is a new row.
CREATE OR REPLACE FUNCTION sec.keep_person() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'a row of % never changes its person', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE OR REPLACE FUNCTION sec.follow_person() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO sec.person_state (person) VALUES (NEW.id);
        RETURN NEW;
    END IF;
    DELETE FROM sec.access WHERE person = OLD.id;
    DELETE FROM sec.choice WHERE person = OLD.id;
    DELETE FROM sec.hold WHERE person = OLD.id;
    DELETE FROM sec.person_state WHERE person = OLD.id;
    RETURN OLD;
END $$;

-- The latest decision counts, in whichever order rows arrive: they are only ever added.
CREATE OR REPLACE FUNCTION sec.follow_decision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM FROM sec.person_state s WHERE s.person = NEW.person_id FOR UPDATE;
    INSERT INTO sec.choice (person, activity, open, until, at, decision)
    VALUES (NEW.person_id, NEW.activity, NEW.open, NEW.until, NEW.at, NEW.id)
    ON CONFLICT (person, activity) DO UPDATE
    SET open = excluded.open, until = excluded.until, at = excluded.at, decision = excluded.decision
    WHERE (excluded.at, excluded.decision) > (sec.choice.at, sec.choice.decision);
    PERFORM sec.refresh(NEW.person_id);
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION sec.follow_hold() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM sec.hold WHERE person = OLD.person_id AND kind = OLD.kind;
        PERFORM sec.refresh(OLD.person_id);
        RETURN OLD;
    END IF;
    INSERT INTO sec.hold (person, kind) VALUES (NEW.person_id, NEW.kind) ON CONFLICT DO NOTHING;
    PERFORM sec.refresh(NEW.person_id);
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION sec.follow_printer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM sec.access WHERE printer = OLD.id;
        RETURN OLD;
    END IF;
    INSERT INTO sec.access (printer, person, level) VALUES (NEW.id, NEW.owner_id, 3);
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION sec.follow_share() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM sec.access WHERE printer = OLD.printer_id AND person = OLD.person_id AND level < 3;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        -- The key that ties a share to its printer's owner is checked at commit: too late, one could look before.
        IF NOT EXISTS (
            SELECT FROM sec.access a WHERE a.printer = NEW.printer_id AND a.person = NEW.owner_id AND a.level = 3
        ) THEN
            RAISE EXCEPTION 'only the owner shares a printer' USING ERRCODE = 'insufficient_privilege';
        END IF;
        INSERT INTO sec.access (printer, person, level) VALUES (NEW.printer_id, NEW.person_id, NEW.level)
        ON CONFLICT (printer, person) DO UPDATE SET level = greatest(sec.access.level, excluded.level);
        RETURN NEW;
    END IF;
    RETURN OLD;
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA sec FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sec FROM PUBLIC;
