-- Indexes of tables and materialized views. One that failed to build (indisvalid false) on a leaf is read too: on the destination it
-- is the leftover of a stopped build.
-- conperiod came with 18: `later` stands in where pg_constraint has no such column.
SELECT i.indexrelid::bigint AS oid, n.nspname::text AS namespace, ic.relname::text AS name,
       c.relname::text AS relation_name, c.relkind = 'p' AS partitioned,
       pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
       i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisreplident AS is_replica_identity,
       i.indisvalid AS valid,
       con.conname::text AS constraint_name, con.contype::text AS constraint_type,
       CASE WHEN con.oid IS NOT NULL THEN pg_catalog.pg_get_constraintdef(con.oid) END AS constraint_definition,
       coalesce(con.condeferrable, false) AS is_deferrable, coalesce(con.condeferred, false) AS is_deferred,
       coalesce(con.conperiod, false) AS is_temporal,
       ic.reloptions AS options,
       ts.spcname::text AS tablespace,
       CASE WHEN ts.oid IS NOT NULL AND i.indpred IS NOT NULL
            THEN pg_catalog.pg_get_expr(i.indpred, i.indrelid) END AS predicate,
       pn.nspname::text AS parent_namespace, p.relname::text AS parent_name,
       CASE WHEN i.indexprs IS NOT NULL THEN (SELECT array_agg(a.attnum::int ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = ic.oid AND a.attstattarget >= 0) END AS statistics_columns,
       CASE WHEN i.indexprs IS NOT NULL THEN (SELECT array_agg(a.attstattarget::int ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = ic.oid AND a.attstattarget >= 0) END AS statistics,
       extensions.names AS extensions
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = ic.reltablespace
LEFT JOIN (SELECT k.oid, k.conindid, k.conrelid, k.conname, k.contype, k.condeferrable, k.condeferred,
                  (SELECT conperiod FROM (SELECT k.*) AS as_it_is) AS conperiod
           FROM (SELECT false AS conperiod) AS later
           CROSS JOIN pg_catalog.pg_constraint k
           WHERE k.contype IN ('p', 'u', 'x') AND (%(relations)s::oid[] IS NULL OR k.conrelid = ANY (%(relations)s::oid[]))
           OFFSET 0) con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid
LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.indexrelid
LEFT JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
LEFT JOIN (SELECT d.objid, array_agg(e.extname::text ORDER BY e.extname) AS names
           FROM pg_catalog.pg_extension e
           JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
           WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'x' GROUP BY d.objid) extensions ON extensions.objid = ic.oid
WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND c.oid <> ALL (%(without)s::oid[])
  AND i.indexrelid NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                           WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                             AND e.classid = 'pg_catalog.pg_class'::regclass AND e.deptype = 'e')
  AND i.indrelid NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                         WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                           AND e.classid = 'pg_catalog.pg_class'::regclass AND e.deptype = 'e')
ORDER BY 3, 2
