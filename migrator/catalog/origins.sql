SELECT external_id AS name, remote_lsn::text AS remote_lsn FROM pg_replication_origin_status
