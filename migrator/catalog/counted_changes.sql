-- UPDATEs and DELETEs counted on some relations, and since when.
SELECT (SELECT coalesce(jsonb_object_agg(c.oid::text, pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)), '{}')
        FROM pg_class c WHERE c.oid = ANY ({oids}::oid[]))::text AS changes,
       {counted_since} AS counted_since
