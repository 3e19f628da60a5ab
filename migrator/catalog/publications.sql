SELECT p.pubname AS name, p.oid::text AS oid, p.xmin::text AS xmin,
       coalesce((SELECT jsonb_object_agg(format('%I.%I', n.nspname, c.relname),
                                         jsonb_build_array(c.oid::text, pr.oid::text))
                 FROM pg_publication_rel pr
                 JOIN pg_class c ON c.oid = pr.prrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE pr.prpubid = p.oid), '{}') AS relations
FROM pg_publication p
WHERE p.pubname LIKE 'migrator\_%'
