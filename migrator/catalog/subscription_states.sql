-- Of all databases: pg_subscription and its statistics are shared, so that any one session sees them. As in subscriptions.sql.
SELECT s.oid::text AS oid, s.subname AS name, d.datname AS database, s.subenabled AS enabled,
       w.pid AS worker_pid,
       coalesce(t.apply_error_count, 0) AS apply_error_count,
       coalesce(t.sync_error_count, 0) AS sync_error_count,
       coalesce((SELECT sum(value::bigint) FROM jsonb_each_text(to_jsonb(t))
                 WHERE key LIKE 'confl\_%%'), 0)::bigint AS conflict_count
FROM pg_subscription s
JOIN pg_database d ON d.oid = s.subdbid
LEFT JOIN pg_stat_subscription w
       ON w.subid = s.oid AND w.relid IS NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL AND w.pid IS NOT NULL
LEFT JOIN pg_stat_subscription_stats t ON t.subid = s.oid
WHERE s.subname LIKE 'migrator\_%%'
