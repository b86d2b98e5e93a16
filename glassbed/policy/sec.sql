-- Schema sec: the signed context of a query, who may use which printer, and who stopped which purpose.
-- Owned by the role sec; safe to run again.

CREATE TABLE IF NOT EXISTS sec.secret (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    inner_pad bytea NOT NULL,   -- of HMAC-SHA-256 (RFC 2104): key ^ 0x36…, key ^ 0x5c…
    outer_pad bytea NOT NULL
);

CREATE TABLE IF NOT EXISTS sec.purpose (
    role name PRIMARY KEY,
    bit bigint NOT NULL,
    everyone boolean NOT NULL
);

-- A bit a purpose; -1 allows all. Kept in the same transaction as what it follows from.
CREATE TABLE IF NOT EXISTS sec.person_state (
    person uuid PRIMARY KEY,
    allowed bigint NOT NULL DEFAULT -1
);
CREATE INDEX IF NOT EXISTS person_state_stopped ON sec.person_state (person, allowed) WHERE allowed <> -1;

CREATE TABLE IF NOT EXISTS sec.access (
    printer uuid NOT NULL,
    person uuid NOT NULL,
    level smallint NOT NULL CHECK (level BETWEEN 1 AND 3),
    PRIMARY KEY (printer, person)
);
CREATE INDEX IF NOT EXISTS access_person ON sec.access (person, level, printer);

CREATE TABLE IF NOT EXISTS sec.applied (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    pack text NOT NULL,
    catalogue text NOT NULL,
    at timestamptz NOT NULL
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

-- The person that this query runs for, unless that person stopped this purpose.
CREATE OR REPLACE FUNCTION sec.me() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who uuid := sec.context();
BEGIN
    RETURN (
        SELECT s.person FROM sec.person_state s
        WHERE s.person = who
          AND s.allowed & (SELECT p.bit FROM sec.purpose p WHERE p.role = current_setting('role')) <> 0
    );
END $$;

-- The printers that this person may use at a level or above it.
CREATE OR REPLACE FUNCTION sec.printers(needed integer) RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who uuid := sec.me();
BEGIN
    RETURN ARRAY(SELECT a.printer FROM sec.access a WHERE a.person = who AND a.level >= needed);
END $$;

-- The people with whom this person shares a printer that one of the two owns.
CREATE OR REPLACE FUNCTION sec.sharing() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who uuid := sec.me();
BEGIN
    RETURN ARRAY(
        SELECT DISTINCT b.person FROM sec.access a JOIN sec.access b ON b.printer = a.printer
        WHERE a.person = who AND 3 IN (a.level, b.level)
    );
END $$;

-- Whether a valid context runs under a purpose that reaches everyone's rows.
CREATE OR REPLACE FUNCTION sec.everyone() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN sec.context() IS NOT NULL
       AND EXISTS (SELECT FROM sec.purpose p WHERE p.role = current_setting('role') AND p.everyone);
END $$;

-- The people who stopped this purpose, for one that reaches everyone's rows: few, and looked up once a query.
CREATE OR REPLACE FUNCTION sec.stopped() RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    this bigint := (SELECT p.bit FROM sec.purpose p WHERE p.role = current_setting('role') AND p.everyone);
BEGIN
    RETURN ARRAY(SELECT s.person FROM sec.person_state s WHERE s.allowed <> -1 AND s.allowed & this = 0);
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
    DELETE FROM sec.person_state WHERE person = OLD.id;
    RETURN OLD;
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
