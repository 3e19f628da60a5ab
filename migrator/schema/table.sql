-- Tables, partitioned tables and foreign tables (relkind r, p, f) that are not temporary, with what is not a column's.
-- 18 knows no unlogged partitioned tables, and to those before it the word means nothing: they are logged here.
SELECT c.oid::bigint AS oid, n.nspname::text AS namespace, c.relname::text AS name, c.relkind::text AS kind,
       c.relispartition AS is_partition,
       CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END AS partition_key,
       CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, 0) END AS bound,
       am.amname::text AS access_method,
       c.relpersistence = 'u' AND c.relkind = 'r' AS unlogged,
       tn.nspname::text AS type_namespace, t.typname::text AS type_name,
       s.srvname::text AS server,
       CASE WHEN f.ftoptions IS NOT NULL
            THEN (SELECT string_agg(format('%%I %%L', o.option_name, o.option_value), ', ' ORDER BY o.option_name)
                  FROM pg_catalog.pg_options_to_table(f.ftoptions) o) END AS server_options,
       ts.spcname::text AS tablespace,
       c.reloptions AS options, toast.reloptions AS toast_options,
       c.relreplident::text AS replica_identity,
       coalesce(inherited.pending, false) AS detach_pending,
       inherited.namespaces AS parent_namespaces, inherited.names AS parent_names,
       ri.relname::text AS identity_index,
       -- how its rows are stored (layout.py); a mapped relation's filenode is 0, but those are PostgreSQL's own
       CASE WHEN c.relkind = 'r' THEN c.relfilenode::bigint END AS filenode,
       stored.attnums, stored.attribute_xmins, stored.missing_attnums
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_type t ON t.oid = c.reloftype
LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = c.oid
LEFT JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver
LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid
LEFT JOIN LATERAL (SELECT array_agg(pn.nspname::text ORDER BY h.inhseqno) AS namespaces,
                          array_agg(p.relname::text ORDER BY h.inhseqno) AS names,
                          bool_or(h.inhdetachpending) AS pending
                   FROM pg_catalog.pg_inherits h
                   JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
                   JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                   WHERE h.inhrelid = c.oid) inherited ON true
LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisreplident
LEFT JOIN pg_catalog.pg_class ri ON ri.oid = i.indexrelid
LEFT JOIN LATERAL (SELECT array_agg(a.attnum ORDER BY a.attnum) AS attnums,
                          array_agg(a.xmin::text ORDER BY a.attnum) AS attribute_xmins,
                          array_agg(a.attnum) FILTER (WHERE a.atthasmissing) AS missing_attnums
                   FROM pg_catalog.pg_attribute a
                   WHERE c.relkind = 'r' AND a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) stored ON true
WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND c.oid <> ALL (%(without)s::oid[])
  AND c.oid NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                    WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                      AND e.classid = 'pg_catalog.pg_class'::regclass AND e.deptype = 'e')
ORDER BY 2, 3
