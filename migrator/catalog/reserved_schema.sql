-- A schema of our name that we did not make: our journal and ledger say so in their comment.
SELECT nspname AS name
FROM pg_namespace
WHERE nspname = 'migrator'
  AND obj_description(oid, 'pg_namespace') IS DISTINCT FROM 'pg-migrator journal and ledger, format 1'
