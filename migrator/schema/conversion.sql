-- Encoding conversions.
SELECT 'conversion' AS kind, format('%%I.%%I', n.nspname, c.conname) AS name, 'conversion:' || c.oid AS key,
       format('CONVERSION %%I.%%I', n.nspname, c.conname) AS comment_on,
       ARRAY[format('CREATE %%sCONVERSION %%I.%%I FOR %%L TO %%L FROM %%s', CASE WHEN c.condefault THEN 'DEFAULT ' END,
                    n.nspname, c.conname, pg_catalog.pg_encoding_to_char(c.conforencoding),
                    pg_catalog.pg_encoding_to_char(c.contoencoding), c.conproc)] AS statements
FROM pg_catalog.pg_conversion c
JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_conversion'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY 2
