-- Domains; their CHECK constraints as parallel arrays. NOT NULL has a name of its own from 17 on.
SELECT t.oid::bigint AS oid, n.nspname::text AS namespace, t.typname::text AS name,
       pg_catalog.format_type(t.typbasetype, t.typtypmod) AS base,
       CASE WHEN t.typcollation <> b.typcollation THEN co.nspname::text END AS collation_namespace,
       CASE WHEN t.typcollation <> b.typcollation THEN co.collname::text END AS collation,
       coalesce(pg_catalog.pg_get_expr(t.typdefaultbin, 0), t.typdefault) AS default_value,
       t.typnotnull AS not_null,
       (SELECT c.conname::text FROM pg_catalog.pg_constraint c
        WHERE c.contypid = t.oid AND c.contype = 'n' LIMIT 1) AS not_null_name,
       array(SELECT c.conname::text FROM pg_catalog.pg_constraint c
             WHERE c.contypid = t.oid AND c.contype = 'c' ORDER BY c.conname) AS checks,
       array(SELECT pg_catalog.pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint c
             WHERE c.contypid = t.oid AND c.contype = 'c' ORDER BY c.conname) AS check_definitions
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN (SELECT l.oid, l.collname, ln.nspname FROM pg_catalog.pg_collation l
           JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace) co ON co.oid = t.typcollation
WHERE t.typtype = 'd'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND t.oid NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                    WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                      AND e.classid = 'pg_catalog.pg_type'::regclass AND e.deptype = 'e')
ORDER BY 2, 3
