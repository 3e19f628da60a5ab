-- pg_table_size is the honest cost (with TOAST); reltuples is -1 before the first ANALYZE, n_live_tup lives on.
SELECT n.nspname, c.relname, pg_table_size(c.oid) AS bytes,
       CASE WHEN coalesce(s.n_live_tup, 0) > 0 THEN s.n_live_tup ELSE c.reltuples::bigint END AS rows,
       pg_relation_size(c.oid) > 0 AS has_blocks
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_(toast|temp)'
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
