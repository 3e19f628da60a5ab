-- The system's collations: those that initdb found on this server's machine, and those imported since, which have later oids.
SELECT DISTINCT collname AS name
FROM pg_collation
WHERE collnamespace = 'pg_catalog'::regnamespace
ORDER BY 1
