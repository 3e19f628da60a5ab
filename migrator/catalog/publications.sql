-- With the UPDATEs and DELETEs that were counted, where they are not published.
SELECT p.pubname AS name, p.oid::text AS oid, p.xmin::text AS xmin,
       {counted_since} AS counted_since,
       coalesce((SELECT jsonb_agg(jsonb_build_array(n.nspname, c.relname, c.oid::text, pr.oid::text,
                                  CASE WHEN NOT p.pubupdate
                                       THEN pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid) END))
                 FROM pg_publication_rel pr
                 JOIN pg_class c ON c.oid = pr.prrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE pr.prpubid = p.oid
                   AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))), '[]') AS relations,
       (SELECT coalesce(jsonb_agg(n.nspname ORDER BY n.nspname), '[]')
        FROM pg_publication_namespace pn JOIN pg_namespace n ON n.oid = pn.pnnspid WHERE pn.pnpubid = p.oid) AS schemas
FROM pg_publication p
WHERE p.pubname LIKE 'migrator\_%%'
