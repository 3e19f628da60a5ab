-- Triggers. Those that fire for replicated rows too (ALWAYS, REPLICA) are made disabled: the cutover sets them.
-- A partition's trigger comes with its parent's; only a firing of its own is a row here.
SELECT CASE WHEN t.tgparentid = 0 THEN 'trigger' ELSE 'trigger of a partition' END AS kind,
       format('%%I ON %%I.%%I', t.tgname, n.nspname, c.relname) AS name, 'trigger:' || t.oid AS key,
       CASE WHEN t.tgparentid = 0 THEN format('TRIGGER %%I ON %%I.%%I', t.tgname, n.nspname, c.relname) END AS comment_on,
       n.nspname::text AS relation_namespace, c.relname::text AS relation_name,
       firing.word AS state,
       CASE WHEN t.tgparentid <> 0 THEN ARRAY[format('trigger %%I ON %%s', up.tgname, up.tgrelid::regclass)] END AS needs,
       CASE WHEN t.tgparentid = 0 THEN ARRAY[pg_catalog.pg_get_triggerdef(t.oid)] ELSE '{}' END
           || CASE WHEN t.tgenabled <> 'O' THEN ARRAY[format('%%s DISABLE TRIGGER %%I', alter_table.words, t.tgname)]
                   WHEN t.tgparentid <> 0 THEN ARRAY[format('%%s ENABLE TRIGGER %%I', alter_table.words, t.tgname)]
                   ELSE '{}' END AS statements,
       CASE WHEN t.tgenabled IN ('A', 'R')
            THEN ARRAY[format('%%s ENABLE %%s TRIGGER %%I', alter_table.words, firing.word, t.tgname)] END AS at_cutover
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_trigger up ON up.oid = t.tgparentid
CROSS JOIN LATERAL (SELECT format('ALTER %%s %%I.%%I', CASE WHEN c.relkind = 'f' THEN 'FOREIGN TABLE'
                                                    WHEN c.relkind = 'v' THEN 'VIEW' ELSE 'TABLE' END, n.nspname, c.relname)
) alter_table (words)
CROSS JOIN LATERAL (SELECT CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' WHEN 'D' THEN 'disabled'
                                ELSE 'enabled' END) firing (word)
WHERE NOT t.tgisinternal AND (t.tgparentid = 0 OR t.tgenabled <> up.tgenabled)
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND c.oid <> ALL (%(without)s::oid[])
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.deptype = 'e' AND (e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
                                             OR e.classid = 'pg_catalog.pg_trigger'::regclass AND e.objid = t.oid))
ORDER BY 1, 2
