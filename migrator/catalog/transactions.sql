-- Creating a logical slot waits for every transaction that has an xid, in any database; prepared ones too.
-- Those of the workers that apply a subscription of the source's own, too: what these are called is not the same in all versions.
-- Since when others' are open is hidden from whom preflight asks to be given pg_read_all_stats: these are not told.
SELECT 'open' AS kind,
       pid::text AS identity,
       datname AS database,
       usename AS user,
       extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age_seconds,
       backend_xid IS NOT NULL AS writing
FROM pg_stat_activity
WHERE xact_start < clock_timestamp() - make_interval(secs => %(older_than)s)
  AND (backend_type IN ('client backend', 'background worker', 'autovacuum worker') OR backend_type LIKE 'logical replication %%')
  AND pid <> pg_backend_pid()
  AND coalesce(application_name, '') NOT LIKE 'pg-migrator %%'
UNION ALL
SELECT 'prepared', gid, database, owner, extract(epoch FROM clock_timestamp() - prepared)::float8, true
FROM pg_prepared_xacts
WHERE prepared < clock_timestamp() - make_interval(secs => %(older_than)s)
ORDER BY age_seconds DESC
