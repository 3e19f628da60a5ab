-- Casts. That of a range type to its multirange comes with the type.
SELECT 'cast' AS kind,
       format('(%%s AS %%s)', pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL)) AS name,
       'cast:' || c.oid AS key,
       format('CAST (%%s AS %%s)', pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL)) AS comment_on,
       ARRAY[format('CREATE CAST (%%s AS %%s) %%s%%s',
           pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL),
           CASE c.castmethod WHEN 'b' THEN 'WITHOUT FUNCTION' WHEN 'i' THEN 'WITH INOUT'
                             ELSE 'WITH FUNCTION ' || c.castfunc::regprocedure END,
           CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' END)] AS statements
FROM pg_catalog.pg_cast c
WHERE c.oid >= 16384
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_range r WHERE r.rngtypid = c.castsource AND r.rngmultitypid = c.casttarget)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_cast'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY 2
