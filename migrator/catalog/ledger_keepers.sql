SELECT group_number AS group, keeper, snapshot, backend_pid AS pid, backend_start AS started
FROM migrator.keepers
WHERE mapping = %(mapping)s
ORDER BY group_number, keeper
