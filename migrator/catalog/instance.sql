-- What an instance says of itself in one row. The system identifier comes from control.sql, where we may ask for it.
SELECT pg_is_in_recovery() AS in_recovery,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END AS wal_lsn,
       -- pg_control_checkpoint() names a new timeline only after the first checkpoint on it; the WAL file's name at once.
       CASE WHEN NOT pg_is_in_recovery()
            THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline,
       has_function_privilege('pg_control_system()', 'EXECUTE')
           AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE') AS control_readable,
       -- The columns that roles_with_password.sql, and apply, read of it.
       has_column_privilege('pg_authid', 'rolname', 'SELECT')
           AND has_column_privilege('pg_authid', 'rolpassword', 'SELECT') AS passwords_readable,
       (SELECT (wal_bytes / greatest(extract(epoch FROM clock_timestamp() - stats_reset), 60))::float8
        FROM pg_stat_wal) AS wal_bytes_per_second,
       coalesce((SELECT setconfig FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase = 0), '{}') AS settings_of_all,
       -- initdb lists ICU's locales as NAME-x-icu; "unicode" stands there in any case.
       EXISTS (SELECT FROM pg_collation WHERE collname LIKE '%-x-icu') AS icu
