-- What cannot be carried at all: kind and identity. Not bound to tables: whole looks only.
SELECT 'reserved schema' AS kind, n.nspname::text AS identity
FROM pg_catalog.pg_namespace n
WHERE n.nspname = 'migrator' AND %(relations)s::oid[] IS NULL
