-- Free-standing composite types: one row per type, its attributes as parallel arrays.
SELECT c.oid::bigint AS oid, n.nspname::text AS namespace, c.relname::text AS name,
       array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attnum IS NOT NULL) AS attributes,
       array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
           FILTER (WHERE a.attnum IS NOT NULL) AS types,
       array_agg(CASE WHEN a.attcollation <> ty.typcollation THEN co.nspname::text ELSE '' END ORDER BY a.attnum)
           FILTER (WHERE a.attnum IS NOT NULL) AS collation_namespaces,
       array_agg(CASE WHEN a.attcollation <> ty.typcollation THEN co.collname::text ELSE '' END ORDER BY a.attnum)
           FILTER (WHERE a.attnum IS NOT NULL) AS collations
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type ty ON ty.oid = a.atttypid
LEFT JOIN (SELECT l.oid, l.collname, ln.nspname FROM pg_catalog.pg_collation l
           JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace) co ON co.oid = a.attcollation
WHERE c.relkind = 'c'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND c.reltype NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                    WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                      AND e.classid = 'pg_catalog.pg_type'::regclass AND e.deptype = 'e')
GROUP BY 1, 2, 3
ORDER BY 2, 3
