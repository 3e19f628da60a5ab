SELECT slot_name AS name,
       plugin,
       database,
       active,
       active_pid,
       restart_lsn,
       confirmed_flush_lsn,
       wal_status,
       safe_wal_size
FROM pg_replication_slots
ORDER BY slot_name
