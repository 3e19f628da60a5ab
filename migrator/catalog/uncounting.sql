-- What keeps sessions in this database from counting UPDATEs and DELETEs (track_counts), as the statement that ends it. Of our own session's
-- setting only what it has from the server: what role or database say stands in pg_db_role_setting, and a session keeps what it had from there.
SELECT 'ALTER SYSTEM SET track_counts = on;' AS name
FROM pg_settings
WHERE name = 'track_counts' AND setting = 'off'
  AND source NOT IN ('global', 'database', 'user', 'database user', 'client', 'session', 'interactive', 'test')
UNION ALL
SELECT CASE WHEN s.setrole = 0 AND s.setdatabase <> 0 THEN format('ALTER DATABASE %I RESET track_counts;', d.datname)
            ELSE format('ALTER ROLE %s%s RESET track_counts;', CASE WHEN s.setrole = 0 THEN 'ALL' ELSE quote_ident(r.rolname) END,
                        ' IN DATABASE ' || quote_ident(d.datname)) END
FROM pg_db_role_setting AS s
LEFT JOIN pg_roles AS r ON r.oid = s.setrole
LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
CROSS JOIN unnest(s.setconfig) AS configured (setting)
WHERE (s.setdatabase = 0 OR d.datname = current_database())
  AND CASE WHEN setting LIKE 'track\_counts=%' THEN NOT split_part(setting, '=', 2)::boolean END
ORDER BY 1
