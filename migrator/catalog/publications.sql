-- With the UPDATEs and DELETEs that were counted, where they are not published. An ordered restart keeps the counters; a crash throws
-- them away, and moves the archiver's reset with them; whoever resets those of a table or a database moves the database's.
SELECT p.pubname AS name, p.oid::text AS oid, p.xmin::text AS xmin,
       concat_ws(' ', extract(epoch FROM pg_stat_get_db_stat_reset_time(
                          (SELECT oid FROM pg_database WHERE datname = current_database()))),
                      (SELECT extract(epoch FROM stats_reset) FROM pg_stat_archiver)) AS counted_since,
       coalesce((SELECT jsonb_agg(jsonb_build_array(n.nspname, c.relname, c.oid::text, pr.oid::text,
                                  CASE WHEN NOT p.pubupdate
                                       THEN pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid) END))
                 FROM pg_publication_rel pr
                 JOIN pg_class c ON c.oid = pr.prrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE pr.prpubid = p.oid
                   AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))), '[]') AS relations
FROM pg_publication p
WHERE p.pubname LIKE 'migrator\_%%'
