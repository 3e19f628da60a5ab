-- Without those whose value may hold a password.
SELECT name, setting AS value
FROM pg_settings
WHERE setting IS NOT NULL
  AND name NOT IN ('primary_conninfo', 'archive_command', 'restore_command', 'archive_cleanup_command',
                   'recovery_end_command', 'ssl_passphrase_command')
