-- Security labels of what SECURITY LABEL can name, extensions' members included: the labels are the user's. Those of databases and
-- roles are catalog/shared_labels.sql, those of subscriptions stay with them.
SELECT 'security label' AS kind, format('%%I on %%s', l.provider, object.words) AS name,
       concat_ws(':', 'security label', l.provider, l.classoid, l.objoid, l.objsubid) AS key, '' AS comment_on,
       ARRAY[format('SECURITY LABEL FOR %%I ON %%s IS %%L', l.provider, object.words, l.label)] AS statements
FROM pg_catalog.pg_seclabel l
JOIN LATERAL (
    SELECT CASE WHEN l.objsubid > 0 THEN format('COLUMN %%I.%%I.%%I', n.nspname, c.relname, a.attname)
                ELSE format('%%s %%I.%%I', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                                                       WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, n.nspname, c.relname) END AS words
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_(temp|toast)'
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = l.objsubid AND l.objsubid > 0
    WHERE l.classoid = 'pg_catalog.pg_class'::regclass AND c.oid = l.objoid
    UNION ALL
    SELECT 'ROUTINE ' || p.oid::regprocedure FROM pg_catalog.pg_proc p
    WHERE l.classoid = 'pg_catalog.pg_proc'::regclass AND p.oid = l.objoid
    UNION ALL
    SELECT format('%%s %%I.%%I', CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, n.nspname, t.typname)
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE l.classoid = 'pg_catalog.pg_type'::regclass AND t.oid = l.objoid
    UNION ALL
    SELECT format('SCHEMA %%I', n.nspname) FROM pg_catalog.pg_namespace n
    WHERE l.classoid = 'pg_catalog.pg_namespace'::regclass AND n.oid = l.objoid
    UNION ALL
    SELECT format('LANGUAGE %%I', g.lanname) FROM pg_catalog.pg_language g
    WHERE l.classoid = 'pg_catalog.pg_language'::regclass AND g.oid = l.objoid
    UNION ALL
    SELECT format('PUBLICATION %%I', p.pubname) FROM pg_catalog.pg_publication p
    WHERE l.classoid = 'pg_catalog.pg_publication'::regclass AND p.oid = l.objoid
    UNION ALL
    SELECT format('EVENT TRIGGER %%I', t.evtname) FROM pg_catalog.pg_event_trigger t
    WHERE l.classoid = 'pg_catalog.pg_event_trigger'::regclass AND t.oid = l.objoid
) object ON true
WHERE %(relations)s::oid[] IS NULL
ORDER BY 2
