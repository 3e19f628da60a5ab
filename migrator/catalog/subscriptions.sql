-- subconninfo holds the password and is never read. Columns that a version lacks come out of the row as jsonb.
SELECT s.subname AS name, s.oid::text AS oid, s.subenabled AS enabled, pg_get_userbyid(s.subowner) AS owner,
       NULL::text AS origin,
       s.subslotname AS slot_name, s.subpublications AS publications,
       (SELECT w.pid FROM pg_stat_subscription w
        WHERE w.subid = s.oid AND w.relid IS NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL AND w.pid IS NOT NULL
        LIMIT 1) AS worker_pid,
       (SELECT extract(epoch FROM clock_timestamp() - min(a.backend_start))::float8
        FROM pg_stat_subscription w JOIN pg_stat_activity a ON a.pid = w.pid
        WHERE w.subid = s.oid AND w.relid IS NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL) AS worker_seconds,
       EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srsubid = s.oid AND r.srsubstate <> 'r') AS copies,
       coalesce(t.apply_error_count, 0) AS apply_error_count,
       coalesce(t.sync_error_count, 0) AS sync_error_count,
       coalesce((SELECT sum(value::bigint) FROM jsonb_each_text(to_jsonb(t))
                 WHERE key LIKE 'confl\_%%'), 0)::bigint AS conflict_count,
       coalesce((SELECT jsonb_agg(jsonb_build_array(n.nspname, c.relname, r.srsubstate))
                 FROM pg_subscription_rel r
                 JOIN pg_class c ON c.oid = r.srrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE r.srsubid = s.oid
                   AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))), '[]') AS relations
FROM pg_subscription s
LEFT JOIN pg_stat_subscription_stats t ON t.subid = s.oid
WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND s.subname LIKE 'migrator\_%%'
