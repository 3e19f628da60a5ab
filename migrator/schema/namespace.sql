-- Schemas of the user's: not PostgreSQL's, not an extension's, not ours.
SELECT n.nspname::text AS name
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'migrator')
  AND n.oid NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                    WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                      AND e.classid = 'pg_catalog.pg_namespace'::regclass AND e.deptype = 'e')
ORDER BY 1
