-- Of the tables whose rows no publication of ours brings, and of large objects: what moves whenever something is written to them. A
-- TRUNCATE counts nothing, and gives a table another file.
SELECT coalesce((SELECT jsonb_agg(jsonb_build_array(n.nspname, c.relname, concat_ws(':', c.oid, coalesce(pg_relation_filenode(c.oid), 0),
                 pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid))))
                 FROM pg_class c
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind = 'r' AND c.relpersistence <> 't'
                   AND (n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
                        OR c.oid IN ('pg_largeobject'::regclass, 'pg_largeobject_metadata'::regclass))
                   AND NOT EXISTS (SELECT FROM pg_publication_rel pr JOIN pg_publication p ON p.oid = pr.prpubid
                                   WHERE pr.prrelid = c.oid AND starts_with(p.pubname, 'migrator_'))), '[]')::text AS counted,
       {counted_since} AS counted_since
