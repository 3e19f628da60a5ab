-- Indexes of permanent tables. One that failed to build (indisvalid false) on a leaf is read too: on the destination it
-- is the leftover of a stopped build.
SELECT i.indexrelid::bigint AS oid, n.nspname::text AS namespace, ic.relname::text AS name,
       c.relname::text AS relation_name, c.relkind = 'p' AS partitioned,
       pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
       i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisreplident AS is_replica_identity,
       i.indisvalid AS valid,
       con.conname::text AS constraint_name, con.contype::text AS constraint_type,
       pg_catalog.pg_get_constraintdef(con.oid) AS constraint_definition,
       coalesce(con.condeferrable, false) AS is_deferrable, coalesce(con.condeferred, false) AS is_deferred,
       coalesce((to_jsonb(con) ->> 'conperiod')::boolean, false) AS is_temporal,
       coalesce(ic.reloptions, '{}') AS options,
       pn.nspname::text AS parent_namespace, p.relname::text AS parent_name,
       array(SELECT a.attnum::int FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = ic.oid AND a.attstattarget >= 0 ORDER BY a.attnum) AS statistics_columns,
       array(SELECT a.attstattarget::int FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = ic.oid AND a.attstattarget >= 0 ORDER BY a.attnum) AS statistics
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_constraint con ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid
    AND con.contype IN ('p', 'u', 'x')
LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.indexrelid
LEFT JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.reloftype = 0
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.deptype = 'e'
                    AND e.objid IN (c.oid, ic.oid))
ORDER BY 3, 2
