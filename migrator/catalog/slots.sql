SELECT slot_name AS name,
       plugin,
       database,
       active,
       active_pid,
       restart_lsn,
       confirmed_flush_lsn,
       wal_status,
       safe_wal_size,
       coalesce(spill_txns + stream_txns, 0) AS large_transactions,
       coalesce(spill_bytes + stream_bytes, 0) AS large_bytes
FROM pg_replication_slots
LEFT JOIN (SELECT slot_name, spill_txns, spill_bytes, stream_txns, stream_bytes FROM pg_stat_replication_slots) s
    USING (slot_name)
ORDER BY slot_name
