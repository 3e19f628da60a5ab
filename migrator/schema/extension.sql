-- Every extension, those that a fresh database has included.
SELECT e.oid::bigint AS oid, e.extname::text AS name, n.nspname::text AS namespace
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
ORDER BY 2
