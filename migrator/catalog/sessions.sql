-- Who may not see other users' sessions gets no backend_type for them: a database and a user then mark a client.
SELECT datname AS database,
       application_name LIKE 'pg-migrator %' AS ours,
       usename = session_user AS of_our_login,
       count(*) AS sessions
FROM pg_stat_activity
WHERE coalesce(backend_type, 'client backend') = 'client backend'
  AND datid IS NOT NULL
  AND usesysid IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
