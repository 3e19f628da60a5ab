SELECT 'database' AS kind, d.datname AS name, s.provider
FROM pg_shseclabel AS s
JOIN pg_database AS d ON s.classoid = 'pg_database'::regclass AND d.oid = s.objoid
UNION ALL
SELECT 'role', r.rolname, s.provider
FROM pg_shseclabel AS s
JOIN pg_roles AS r ON s.classoid = 'pg_authid'::regclass AND r.oid = s.objoid
ORDER BY 1, 2, 3
