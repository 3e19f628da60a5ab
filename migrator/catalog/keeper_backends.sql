-- Of this database; our own role's sessions show themselves to us whatever our rights.
SELECT pid, backend_start AS started
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'pg-migrator keeper %' AND backend_start IS NOT NULL
