-- The collations that initdb found on this server's machine; PostgreSQL's own few are on every one.
SELECT DISTINCT collname AS name
FROM pg_collation
WHERE collnamespace = 'pg_catalog'::regnamespace AND oid < 16384
ORDER BY 1
