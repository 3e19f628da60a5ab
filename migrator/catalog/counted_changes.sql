-- UPDATEs and DELETEs counted on some relations, and since when, as publications.sql has it.
SELECT (SELECT coalesce(jsonb_object_agg(c.oid::text, pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)), '{}')
        FROM pg_class c WHERE c.oid = ANY ({oids}::oid[]))::text AS changes,
       concat_ws(' ', extract(epoch FROM pg_stat_get_db_stat_reset_time(
                          (SELECT oid FROM pg_database WHERE datname = current_database()))),
                      (SELECT extract(epoch FROM stats_reset) FROM pg_stat_archiver)) AS counted_since
