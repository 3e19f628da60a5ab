SELECT r.rolname AS role, d.datname AS database, setting
FROM pg_db_role_setting AS s
JOIN pg_roles AS r ON r.oid = s.setrole
LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
CROSS JOIN unnest(s.setconfig) WITH ORDINALITY AS configured (setting, position)
ORDER BY r.rolname, d.datname, position
