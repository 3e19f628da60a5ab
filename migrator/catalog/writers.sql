-- Whoever holds a transaction id, in any database, and every prepared transaction: they may still commit.
SELECT format('pid %s, user %s, database %s: a writing transaction open for %s s', pid, usename, datname,
              round(extract(epoch FROM clock_timestamp() - xact_start))) AS sentence
FROM pg_stat_activity
WHERE backend_xid IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND application_name NOT LIKE 'pg-migrator %'
UNION ALL
SELECT format('prepared transaction %L of user %s in database %s', gid, owner, database)
FROM pg_prepared_xacts
