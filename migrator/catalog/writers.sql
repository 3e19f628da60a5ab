-- Who holds a transaction id in one of the databases (NULL: any), and every prepared transaction there: they may still commit.
-- Clients, workers in the background and those that apply a subscription. Autovacuum, which has no user, writes no rows.
-- Transaction ids are shown to everybody; what a session is, and since when, only to whom may see others' sessions.
SELECT format('pid %%s, user %%s, database %%s', a.pid, a.usename, a.datname)
       || CASE WHEN a.backend_type <> 'client backend' OR s.subname IS NOT NULL
               THEN format(' (%%s)', concat_ws(' of ', a.backend_type, 'subscription ' || s.subname)) ELSE '' END
       || CASE WHEN a.backend_type IS NULL
               THEN format(': a writing transaction, since when is hidden from us (on the source: GRANT pg_read_all_stats TO %%I;)',
                           current_user)
               ELSE format(': a writing transaction open for %%s s', round(extract(epoch FROM clock_timestamp() - a.xact_start)))
          END AS sentence
FROM pg_stat_activity AS a
LEFT JOIN pg_stat_subscription AS s ON s.pid = a.pid
WHERE a.backend_xid IS NOT NULL AND a.usesysid IS NOT NULL
  AND (%(databases)s::text[] IS NULL OR a.datname = ANY (%(databases)s::text[]))
  AND coalesce(a.application_name, '') NOT LIKE 'pg-migrator %%' AND a.pid <> pg_backend_pid()
UNION ALL
SELECT format('prepared transaction %%L of user %%s in database %%s', gid, owner, database)
FROM pg_prepared_xacts
WHERE %(databases)s::text[] IS NULL OR database = ANY (%(databases)s::text[])
