-- Somebody else's schema of this name is never taken over.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_namespace
               WHERE nspname = 'migrator'
                 AND obj_description(oid, 'pg_namespace') IS DISTINCT FROM 'pg-migrator journal and ledger, format 1') THEN
        RAISE EXCEPTION 'schema migrator exists on the destination and was not made by pg-migrator'
            USING HINT = 'Rename it: ALTER SCHEMA migrator RENAME TO ...';
    END IF;
END $$;
CREATE SCHEMA IF NOT EXISTS migrator;
COMMENT ON SCHEMA migrator IS 'pg-migrator journal and ledger, format 1';
CREATE TABLE IF NOT EXISTS migrator.groups (
    mapping text NOT NULL,
    database text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    publication_oid oid,
    publication_xmin text,
    slot_created boolean NOT NULL DEFAULT false,
    subscription_oid oid,
    source_system_identifier text NOT NULL,
    source_timeline integer NOT NULL,
    destination_system_identifier text NOT NULL,
    destination_timeline integer NOT NULL,
    PRIMARY KEY (mapping, number)
);
CREATE TABLE IF NOT EXISTS migrator.relations (
    mapping text NOT NULL,
    relation text NOT NULL,
    group_number integer NOT NULL,
    source_oid oid NOT NULL,
    publication_rel_oid oid,
    admitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (mapping, relation)
);
