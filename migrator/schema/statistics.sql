-- Extended statistics objects; their contents come with ANALYZE. A target of -1 (NULL from 17 on) is the default.
SELECT 'statistics' AS kind, format('%%I.%%I', n.nspname, s.stxname) AS name, 'statistic_ext:' || s.oid AS key,
       format('STATISTICS %%I.%%I', n.nspname, s.stxname) AS comment_on,
       cn.nspname::text AS relation_namespace, c.relname::text AS relation_name,
       ARRAY[pg_catalog.pg_get_statisticsobjdef(s.oid)]
           || CASE WHEN s.stxstattarget >= 0
                   THEN ARRAY[format('ALTER STATISTICS %%I.%%I SET STATISTICS %%s', n.nspname, s.stxname, s.stxstattarget)]
                   ELSE '{}' END AS statements
FROM pg_catalog.pg_statistic_ext s
JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid
JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND c.oid <> ALL (%(without)s::oid[])
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_statistic_ext'::regclass AND e.objid = s.oid AND e.deptype = 'e')
ORDER BY 1, 2
