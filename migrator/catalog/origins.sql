-- The function behind pg_replication_origin_status: the view asks for a right of its own besides.
SELECT external_id AS name, remote_lsn::text AS remote_lsn FROM pg_show_replication_origin_status()
