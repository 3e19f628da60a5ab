-- Views, and materialized views without their contents. Before 16 servers wrote every column with its table's name: spelling.py.
SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind,
       format('%%I.%%I', n.nspname, c.relname) AS name, 'class:' || c.oid AS key,
       CASE c.relkind WHEN 'v' THEN 'VIEW ' ELSE 'MATERIALIZED VIEW ' END || format('%%I.%%I', n.nspname, c.relname) AS comment_on,
       n.nspname::text AS relation_namespace, c.relname::text AS relation_name,
       ts.spcname::text AS tablespace,
       CASE WHEN c.relkind = 'm' THEN CASE WHEN c.relispopulated THEN 'populated' ELSE 'unpopulated' END END AS state,
       ARRAY[format('CREATE %%s %%I.%%I%%s%%s AS %%s%%s', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END,
                    n.nspname, c.relname,
                    CASE WHEN am.amname <> 'heap' THEN format(' USING %%I', am.amname) END,
                    (SELECT format(' WITH (%%s)', string_agg(format('%%s=%%L', o.prefix || o.option_name, o.option_value), ', ' ORDER BY o.prefix))
                     FROM (SELECT '' AS prefix, * FROM pg_catalog.pg_options_to_table(c.reloptions)
                           UNION ALL
                           SELECT 'toast.', * FROM pg_catalog.pg_options_to_table(
                               (SELECT toast.reloptions FROM pg_catalog.pg_class toast WHERE toast.oid = c.reltoastrelid))) o
                     HAVING count(*) > 0),
                    rtrim(pg_catalog.pg_get_viewdef(c.oid), '; '),
                    CASE WHEN c.relkind = 'm' THEN ' WITH NO DATA' END)]
           || array(SELECT format('ALTER VIEW %%I.%%I ALTER COLUMN %%I SET DEFAULT %%s', n.nspname, c.relname, a.attname,
                                  pg_catalog.pg_get_expr(d.adbin, d.adrelid))
                    FROM pg_catalog.pg_attrdef d
                    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                    WHERE d.adrelid = c.oid AND c.relkind = 'v' ORDER BY a.attnum)
           || array(SELECT format('ALTER MATERIALIZED VIEW %%I.%%I ALTER COLUMN %%I %%s', n.nspname, c.relname, a.attname, set.what)
                    FROM pg_catalog.pg_attribute a
                    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                    CROSS JOIN LATERAL (
                        SELECT 'SET STATISTICS ' || a.attstattarget WHERE a.attstattarget >= 0
                        UNION ALL
                        SELECT 'SET STORAGE ' || CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
                                                 WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
                        WHERE a.attstorage <> t.typstorage
                        UNION ALL
                        SELECT 'SET COMPRESSION ' || CASE a.attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END
                        WHERE a.attcompression <> ''
                        UNION ALL
                        SELECT format('SET (%%s)', string_agg(o, ', ' ORDER BY o)) FROM unnest(a.attoptions) o
                        WHERE o ~ '^n_distinct(_inherited)?=' HAVING count(*) > 0
                    ) set (what)
                    WHERE a.attrelid = c.oid AND c.relkind = 'm' AND a.attnum > 0 AND NOT a.attisdropped
                    ORDER BY a.attnum, set.what)
           || CASE WHEN c.relkind = 'm' AND c.relreplident IN ('f', 'n')
                   THEN ARRAY[format('ALTER MATERIALIZED VIEW %%I.%%I REPLICA IDENTITY %%s', n.nspname, c.relname,
                                     CASE c.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END)] ELSE '{}' END
           || array(SELECT format('ALTER MATERIALIZED VIEW %%I.%%I DEPENDS ON EXTENSION %%I', n.nspname, c.relname, name)
                    FROM unnest(extensions.names) name) AS statements,
       CASE WHEN c.relkind = 'v' THEN array(
           SELECT format('CREATE VIEW %%I.%%I AS SELECT %%s', n.nspname, c.relname, string_agg(
                      format('NULL::%%s%%s AS %%I', pg_catalog.format_type(a.atttypid, a.atttypmod),
                             CASE WHEN a.attcollation <> t.typcollation
                                  THEN (SELECT format(' COLLATE %%I.%%I', co.nspname, l.collname) FROM pg_catalog.pg_collation l
                                        JOIN pg_catalog.pg_namespace co ON co.oid = l.collnamespace WHERE l.oid = a.attcollation) END,
                             a.attname), ', ' ORDER BY a.attnum))
           FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped HAVING count(*) > 0) END AS provisional
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
LEFT JOIN (SELECT d.objid, array_agg(e.extname ORDER BY e.extname) AS names
           FROM pg_catalog.pg_extension e
           JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
           WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'x' GROUP BY d.objid) extensions ON extensions.objid = c.oid
WHERE c.relkind IN ('v', 'm')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND c.oid <> ALL (%(without)s::oid[])
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite w
                  JOIN pg_catalog.pg_depend u ON u.classid = 'pg_catalog.pg_rewrite'::regclass AND u.objid = w.oid
                  WHERE w.ev_class = c.oid AND u.refclassid = 'pg_catalog.pg_class'::regclass
                    AND u.refobjid = ANY (%(without)s::oid[]))
ORDER BY 1, 2
