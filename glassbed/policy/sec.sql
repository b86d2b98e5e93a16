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

-- glassbed.ctx is purpose role|person or -|expiry, Unix seconds|backend pid|hex HMAC of what stands before.
-- Returns the person's id, the nil UUID for work without a person, or NULL when the context does not hold.
CREATE OR REPLACE FUNCTION sec.context() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    part text[] := string_to_array(current_setting('glassbed.ctx', true), '|');
    said bytea;
BEGIN
    IF array_length(part, 1) IS DISTINCT FROM 5 OR part[1] <> current_setting('role')
       OR part[4] <> pg_backend_pid()::text THEN
        RETURN NULL;
    END IF;
    said := convert_to(array_to_string(part[1:4], '|'), 'UTF8');
    IF NOT EXISTS (
        SELECT FROM sec.secret s
        WHERE encode(sha256(s.outer_pad || sha256(s.inner_pad || said)), 'hex') = part[5]
    ) OR part[3]::bigint < extract(epoch FROM clock_timestamp()) THEN
        RETURN NULL;
    END IF;
    RETURN CASE part[2] WHEN '-' THEN '00000000-0000-0000-0000-000000000000' ELSE part[2] END::uuid;
END $$;

CREATE OR REPLACE FUNCTION sec.bit() RETURNS bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT p.bit FROM sec.purpose p WHERE p.role = current_setting('role')
$$;

-- The person that this query runs for, unless that person stopped this purpose.
CREATE OR REPLACE FUNCTION sec.me() RETURNS uuid
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.person FROM sec.person_state s
    WHERE s.person = sec.context() AND s.allowed & sec.bit() <> 0
$$;

-- Whether a valid context runs under a purpose that reaches everyone's rows.
CREATE OR REPLACE FUNCTION sec.everyone() RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT sec.context() IS NOT NULL
       AND EXISTS (SELECT FROM sec.purpose p WHERE p.role = current_setting('role') AND p.everyone)
$$;

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
    IF TG_OP = 'UPDATE' AND OLD.owner_id <> NEW.owner_id THEN
        DELETE FROM sec.access WHERE printer = OLD.id AND person = OLD.owner_id;
    END IF;
    INSERT INTO sec.access (printer, person, level) VALUES (NEW.id, NEW.owner_id, 3)
    ON CONFLICT (printer, person) DO UPDATE SET level = 3;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION sec.follow_share() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM sec.access WHERE printer = OLD.printer_id AND person = OLD.person_id AND level < 3;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO sec.access (printer, person, level) VALUES (NEW.printer_id, NEW.person_id, NEW.level)
        ON CONFLICT (printer, person) DO UPDATE SET level = greatest(sec.access.level, excluded.level);
        RETURN NEW;
    END IF;
    RETURN OLD;
END $$;

ALTER TABLE sec.person_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE sec.access ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS stopped ON sec.person_state;
CREATE POLICY stopped ON sec.person_state FOR SELECT USING ((SELECT sec.everyone()));
DROP POLICY IF EXISTS mine ON sec.access;
CREATE POLICY mine ON sec.access FOR SELECT USING (person = (SELECT sec.me()));

REVOKE ALL ON ALL TABLES IN SCHEMA sec FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sec FROM PUBLIC;
