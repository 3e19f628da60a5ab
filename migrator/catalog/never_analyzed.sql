-- Partitioned tables without statistics of their whole: autovacuum never gathers them. reltuples is -1 before the first ANALYZE.
-- Not those with a foreign table among their leaves: ANALYZE would read it where it is, which may not answer, or have no handler.
SELECT n.nspname, c.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'p' AND c.relpersistence <> 't' AND c.reltuples < 0
  AND NOT EXISTS (SELECT FROM pg_partition_tree(c.oid) AS leaf JOIN pg_class f ON f.oid = leaf.relid WHERE f.relkind = 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_(toast|temp)'
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
