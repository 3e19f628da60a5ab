-- Permanent tables and partitioned tables (relkind r, p), not typed (OF), with what is not a column's.
SELECT c.oid::bigint AS oid, n.nspname::text AS namespace, c.relname::text AS name, c.relkind::text AS kind,
       c.relispartition AS is_partition,
       CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END AS partition_key,
       CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, 0) END AS bound,
       am.amname::text AS access_method,
       c.reloptions AS options, toast.reloptions AS toast_options,
       c.relreplident::text AS replica_identity,
       inherited.namespaces AS parent_namespaces, inherited.names AS parent_names,
       ri.relname::text AS identity_index,
       coalesce(usable.found, false) AS has_usable_identity
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid
LEFT JOIN LATERAL (SELECT array_agg(pn.nspname::text ORDER BY h.inhseqno) AS namespaces,
                          array_agg(p.relname::text ORDER BY h.inhseqno) AS names
                   FROM pg_catalog.pg_inherits h
                   JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
                   JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
                   WHERE h.inhrelid = c.oid) inherited ON true
LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisreplident
LEFT JOIN pg_catalog.pg_class ri ON ri.oid = i.indexrelid
LEFT JOIN LATERAL (SELECT true AS found FROM pg_catalog.pg_index k
                   WHERE k.indrelid = c.oid AND k.indimmediate AND k.indisvalid
                     AND (c.relreplident = 'd' AND k.indisprimary OR c.relreplident = 'i' AND k.indisreplident)
                   LIMIT 1) usable ON true
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.reloftype = 0
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND c.oid <> ALL (%(without)s::oid[])
  AND c.oid NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                    WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                      AND e.classid = 'pg_catalog.pg_class'::regclass AND e.deptype = 'e')
ORDER BY 2, 3
