-- What cannot be carried at all: kind and identity. Not bound to tables: whole looks only.
SELECT 'reserved schema' AS kind, n.nspname::text AS identity
FROM pg_catalog.pg_namespace n
WHERE n.nspname = 'migrator' AND %(relations)s::oid[] IS NULL
UNION ALL
-- A body that refers to a parameter without a name, by its number, where others have names: ruleutils.c, and so
-- pg_get_functiondef and pg_dump, print such a reference as "", which no server reads. Raw spaces are never part of a name there.
SELECT 'nameless parameter', CASE p.prokind WHEN 'p' THEN 'procedure ' ELSE 'function ' END || p.oid::regprocedure
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE %(relations)s::oid[] IS NULL AND p.prosqlbody IS NOT NULL AND '' = ANY (p.proargnames)
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
  AND EXISTS (SELECT FROM regexp_matches(p.prosqlbody::text, '[{]PARAM :paramkind 0 :paramid ([0-9]+) ', 'g') AS found (groups)
              WHERE p.proargnames[groups[1]::integer] = '')
ORDER BY 1, 2
