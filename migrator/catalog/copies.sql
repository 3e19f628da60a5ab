-- Tablesync workers at work in this database: CALLBACK is their COPY's source.
SELECT n.nspname, c.relname, p.bytes_processed, p.tuples_processed
FROM pg_stat_progress_copy p
JOIN pg_class c ON c.oid = p.relid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE p.datname = current_database() AND p.type = 'CALLBACK'
