-- Access methods that no extension brought.
SELECT 'access method' AS kind, quote_ident(a.amname) AS name, 'am:' || a.oid AS key,
       format('ACCESS METHOD %%I', a.amname) AS comment_on,
       ARRAY[format('CREATE ACCESS METHOD %%I TYPE %%s HANDLER %%s', a.amname,
                    CASE a.amtype WHEN 't' THEN 'TABLE' ELSE 'INDEX' END, a.amhandler)] AS statements
FROM pg_catalog.pg_am a
WHERE a.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_am'::regclass AND e.objid = a.oid AND e.deptype = 'e')
ORDER BY 2
