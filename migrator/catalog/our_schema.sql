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
