-- Range types. Operator class and collation are NULL where they are the subtype's own.
SELECT t.oid::bigint AS oid, n.nspname::text AS namespace, t.typname::text AS name,
       pg_catalog.format_type(r.rngsubtype, NULL) AS subtype,
       CASE WHEN NOT o.opcdefault THEN onsp.nspname::text END AS opclass_namespace,
       CASE WHEN NOT o.opcdefault THEN o.opcname::text END AS opclass,
       CASE WHEN r.rngcollation <> st.typcollation THEN co.nspname::text END AS collation_namespace,
       CASE WHEN r.rngcollation <> st.typcollation THEN co.collname::text END AS collation,
       CASE WHEN r.rngsubdiff <> 0 THEN r.rngsubdiff::regproc::text END AS subtype_diff,
       CASE WHEN r.rngcanonical <> 0 THEN r.rngcanonical::regproc::text END AS canonical,
       mn.nspname::text AS multirange_namespace, m.typname::text AS multirange
FROM pg_catalog.pg_range r
JOIN pg_catalog.pg_type t ON t.oid = r.rngtypid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_type st ON st.oid = r.rngsubtype
JOIN pg_catalog.pg_opclass o ON o.oid = r.rngsubopc
JOIN pg_catalog.pg_namespace onsp ON onsp.oid = o.opcnamespace
JOIN pg_catalog.pg_type m ON m.oid = r.rngmultitypid
JOIN pg_catalog.pg_namespace mn ON mn.oid = m.typnamespace
LEFT JOIN (SELECT l.oid, l.collname, ln.nspname FROM pg_catalog.pg_collation l
           JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace) co ON co.oid = r.rngcollation
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND t.oid NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                    WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                      AND e.classid = 'pg_catalog.pg_type'::regclass AND e.deptype = 'e')
ORDER BY 2, 3
