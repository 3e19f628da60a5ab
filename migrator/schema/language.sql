-- Procedural languages that no extension brought. pg_dump spells them by their handlers too.
SELECT 'language' AS kind, quote_ident(l.lanname) AS name, 'language:' || l.oid AS key,
       format('LANGUAGE %%I', l.lanname) AS comment_on,
       ARRAY[concat_ws(' ', 'CREATE', CASE WHEN l.lanpltrusted THEN 'TRUSTED' END,
             format('LANGUAGE %%I HANDLER %%s', l.lanname, l.lanplcallfoid::regproc),
             'INLINE ' || nullif(l.laninline, 0)::regproc, 'VALIDATOR ' || nullif(l.lanvalidator, 0)::regproc)] AS statements
FROM pg_catalog.pg_language l
WHERE l.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_language'::regclass AND e.objid = l.oid AND e.deptype = 'e')
ORDER BY 2
