-- Comments on extensions, or that somebody took one away, beside what the control file says. PostgreSQL's own
-- extension has what it has, as for pg_dump; where there is no other, no directory is read.
SELECT e.extname::text AS name, d.description AS text,
       CASE WHEN e.oid < 16384 THEN d.description ELSE known.comment END AS brought
FROM pg_catalog.pg_extension e
LEFT JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_extension'::regclass AND d.objoid = e.oid AND d.objsubid = 0
LEFT JOIN (SELECT a.name, a.comment FROM pg_catalog.pg_available_extensions a
           WHERE EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE x.oid >= 16384)) known ON known.name = e.extname
WHERE %(relations)s::oid[] IS NULL
ORDER BY 1
