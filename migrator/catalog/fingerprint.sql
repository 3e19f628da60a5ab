-- Moves whenever a schema object is made, altered or dropped. VACUUM and ANALYZE update pg_class in place: no new xmin.
SELECT md5(string_agg(part, ',' ORDER BY part)) AS fingerprint
FROM (
    SELECT 'class ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_class
    UNION ALL
    SELECT 'attribute ' || count(*) || ' ' || coalesce(sum(hashint8extended(attrelid::bigint * 2048 + attnum, xmin::text::bigint)::numeric), 0)
    FROM pg_attribute WHERE attrelid >= 16384
    UNION ALL
    SELECT 'attrdef ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_attrdef
    UNION ALL
    SELECT 'constraint ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_constraint
    UNION ALL
    SELECT 'index ' || count(*) || ' ' || coalesce(sum(hashint8extended(indexrelid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_index
    UNION ALL
    SELECT 'inherits ' || count(*) || ' ' || coalesce(sum(hashint8extended(inhrelid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_inherits
    UNION ALL
    SELECT 'type ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_type
    UNION ALL
    SELECT 'enum ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_enum
    UNION ALL
    SELECT 'sequence ' || count(*) || ' ' || coalesce(sum(hashint8extended(seqrelid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_sequence
    UNION ALL
    SELECT 'proc ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_proc WHERE oid >= 16384
    UNION ALL
    SELECT 'namespace ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_namespace
    UNION ALL
    SELECT 'trigger ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_trigger
    UNION ALL
    SELECT 'rewrite ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_rewrite WHERE oid >= 16384
    UNION ALL
    SELECT 'policy ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_policy
    UNION ALL
    SELECT 'extension ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_extension
    UNION ALL
    SELECT 'statistics ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_statistic_ext
    UNION ALL
    SELECT 'publication ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_publication
    UNION ALL
    SELECT 'event trigger ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_event_trigger
    UNION ALL
    SELECT 'foreign table ' || count(*) || ' ' || coalesce(sum(hashint8extended(ftrelid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_foreign_table
    UNION ALL
    SELECT 'foreign server ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_foreign_server
    UNION ALL
    SELECT 'large object ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_largeobject_metadata
    UNION ALL
    SELECT 'description ' || count(*) || ' ' || coalesce(sum(hashint8extended(objoid::bigint * 2048 + objsubid, xmin::text::bigint)::numeric), 0) FROM pg_description WHERE objoid >= 16384 OR objoid = 'public'::regnamespace
    UNION ALL
    SELECT 'default acl ' || count(*) || ' ' || coalesce(sum(hashint8extended(oid::bigint, xmin::text::bigint)::numeric), 0) FROM pg_default_acl
) AS catalogs (part)
