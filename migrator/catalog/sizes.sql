-- Of tables whose rows are replicated. pg_table_size is the honest cost (with TOAST), but waits behind an ACCESS EXCLUSIVE lock: of `locked` relations, or of all
-- where an `estimate` must do, what the last VACUUM or ANALYZE saw. reltuples is -1 before the first ANALYZE.
SELECT n.nspname, c.relname,
       CASE WHEN %(estimate)s OR c.oid = ANY (%(locked)s::oid[])
            THEN current_setting('block_size')::bigint * (c.relpages + coalesce(toast.relpages, 0))
            ELSE pg_table_size(c.oid) END AS bytes,
       coalesce(nullif(pg_stat_get_live_tuples(c.oid), 0), c.reltuples::bigint) AS rows
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
WHERE c.relkind = 'r' AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_(toast|temp)'
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
