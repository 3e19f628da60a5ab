-- Every walsender is shown to everybody, though not what it sends. One without a database feeds a standby or a backup.
SELECT replication.application_name AS application, activity.datname AS database
FROM pg_stat_replication AS replication
JOIN pg_stat_activity AS activity ON activity.pid = replication.pid
ORDER BY replication.pid
