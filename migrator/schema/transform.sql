-- Transforms between a type and a language.
SELECT 'transform' AS kind, format('FOR %%s LANGUAGE %%I', pg_catalog.format_type(t.trftype, NULL), l.lanname) AS name,
       'transform:' || t.oid AS key,
       format('TRANSFORM FOR %%s LANGUAGE %%I', pg_catalog.format_type(t.trftype, NULL), l.lanname) AS comment_on,
       ARRAY[format('CREATE TRANSFORM FOR %%s LANGUAGE %%I (%%s)', pg_catalog.format_type(t.trftype, NULL), l.lanname,
           concat_ws(', ', 'FROM SQL WITH FUNCTION ' || nullif(t.trffromsql, 0)::regprocedure,
                           'TO SQL WITH FUNCTION ' || nullif(t.trftosql, 0)::regprocedure))] AS statements
FROM pg_catalog.pg_transform t
JOIN pg_catalog.pg_language l ON l.oid = t.trflang
WHERE t.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_transform'::regclass AND e.objid = t.oid AND e.deptype = 'e')
ORDER BY 2
