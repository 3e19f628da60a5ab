-- Rules other than a view's own.
SELECT 'rule' AS kind, format('%%I ON %%I.%%I', r.rulename, n.nspname, c.relname) AS name, 'rewrite:' || r.oid AS key,
       format('RULE %%I ON %%I.%%I', r.rulename, n.nspname, c.relname) AS comment_on,
       n.nspname::text AS relation_namespace, c.relname::text AS relation_name,
       CASE r.ev_enabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' WHEN 'D' THEN 'disabled' ELSE 'enabled' END AS state,
       ARRAY[rtrim(pg_catalog.pg_get_ruledef(r.oid), ';')]
           || CASE r.ev_enabled WHEN 'O' THEN '{}'::text[] ELSE ARRAY[format('ALTER TABLE %%I.%%I %%s RULE %%I', n.nspname, c.relname,
                  CASE r.ev_enabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END,
                  r.rulename)] END AS statements
FROM pg_catalog.pg_rewrite r
JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND c.oid <> ALL (%(without)s::oid[])
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.deptype = 'e' AND (e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
                                             OR e.classid = 'pg_catalog.pg_rewrite'::regclass AND e.objid = r.oid))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend u
                  WHERE u.classid = 'pg_catalog.pg_rewrite'::regclass AND u.objid = r.oid
                    AND u.refclassid = 'pg_catalog.pg_class'::regclass AND u.refobjid = ANY (%(without)s::oid[]))
ORDER BY 1, 2
