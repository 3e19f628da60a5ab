-- Which index a table or materialized view is clustered on.
SELECT 'clustering of' AS kind, format('%%I.%%I', n.nspname, c.relname) AS name, 'clustering:' || c.oid AS key, '' AS comment_on,
       n.nspname::text AS relation_namespace, c.relname::text AS relation_name,
       ARRAY[format('index %%I.%%I', n.nspname, x.relname)] AS needs,
       ARRAY[format('ALTER %%s %%I.%%I CLUSTER ON %%I', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
                    n.nspname, c.relname, x.relname)] AS statements
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisclustered AND c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND c.oid <> ALL (%(without)s::oid[])
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY 2
