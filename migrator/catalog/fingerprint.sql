-- Moves whenever an object that we carry, or name as not carried, is made, altered or dropped: one pass over each catalog.
-- A row that is new or altered has an xmin above those it replaces, so that no change leaves both count and sum as they were.
-- Temporary objects are left out, and pg_class is taken by its columns: neither they nor a TRUNCATE, which only changes the
-- file, shall make us read everything anew. VACUUM and ANALYZE update pg_class in place.
WITH temporary AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_class WHERE relpersistence = 't')
SELECT md5(string_agg(concat_ws(' ', catalog, rows, sum), ',' ORDER BY catalog)) AS fingerprint
FROM (
    SELECT 'class' AS catalog, count(*) AS rows,
        sum(hash_record_extended(ROW(oid, relname, relnamespace, reltype, reloftype, relowner, relam, reltablespace, relkind,
            relpersistence, relnatts, relrowsecurity, relforcerowsecurity, relispopulated, relreplident, relispartition, relacl, reloptions,
            CASE WHEN relispartition THEN relpartbound::text END), 0)) AS sum
    FROM pg_catalog.pg_class WHERE oid >= 16384 AND relpersistence <> 't'
    UNION ALL
    SELECT 'attribute', count(*), sum(xmin::text::bigint)
    FROM pg_catalog.pg_attribute WHERE attnum > 0 AND attrelid >= 16384 AND attrelid NOT IN (SELECT oid FROM temporary)
    UNION ALL
    SELECT 'attrdef', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_attrdef
    WHERE adrelid NOT IN (SELECT oid FROM temporary)
    UNION ALL
    SELECT 'constraint', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_constraint
    WHERE conrelid NOT IN (SELECT oid FROM temporary) AND oid >= 16384
    UNION ALL
    SELECT 'index', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_index
    WHERE indrelid >= 16384 AND indrelid NOT IN (SELECT oid FROM temporary)
    UNION ALL
    SELECT 'inherits', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_inherits
    WHERE inhrelid NOT IN (SELECT oid FROM temporary)
    UNION ALL
    SELECT 'partitioned table', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_partitioned_table
    UNION ALL
    SELECT 'type', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_type
    WHERE oid >= 16384 AND typrelid NOT IN (SELECT oid FROM temporary) AND typelem NOT IN
        (SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typrelid IN (SELECT oid FROM temporary))
    UNION ALL
    SELECT 'enum', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_enum
    UNION ALL
    SELECT 'range', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_range WHERE rngtypid >= 16384
    UNION ALL
    SELECT 'sequence', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_sequence
    WHERE seqrelid NOT IN (SELECT oid FROM temporary)
    UNION ALL
    SELECT 'proc', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_proc WHERE oid >= 16384
    UNION ALL
    SELECT 'aggregate', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_aggregate WHERE aggfnoid >= 16384
    UNION ALL
    SELECT 'namespace', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
    UNION ALL
    SELECT 'trigger', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_trigger
    WHERE tgrelid NOT IN (SELECT oid FROM temporary)
    UNION ALL
    SELECT 'rewrite', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_rewrite
    WHERE oid >= 16384 AND ev_class NOT IN (SELECT oid FROM temporary)
    UNION ALL
    SELECT 'policy', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_policy
    UNION ALL
    SELECT 'extension', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_extension
    UNION ALL
    SELECT 'extension member', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_depend
    WHERE refclassid = 'pg_catalog.pg_extension'::regclass
    UNION ALL
    SELECT 'statistics', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_statistic_ext
    UNION ALL
    SELECT 'publication', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_publication WHERE pubname !~ '^migrator_'
    UNION ALL
    SELECT 'event trigger', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_event_trigger
    UNION ALL
    SELECT 'cast', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_cast WHERE oid >= 16384
    UNION ALL
    SELECT 'operator', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_operator WHERE oid >= 16384
    UNION ALL
    SELECT 'operator class', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_opclass WHERE oid >= 16384
    UNION ALL
    SELECT 'operator family', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_opfamily WHERE oid >= 16384
    UNION ALL
    SELECT 'amop', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_amop WHERE oid >= 16384
    UNION ALL
    SELECT 'amproc', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_amproc WHERE oid >= 16384
    UNION ALL
    SELECT 'collation', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_collation WHERE oid >= 16384
    UNION ALL
    SELECT 'conversion', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_conversion WHERE oid >= 16384
    UNION ALL
    SELECT 'ts config', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_ts_config WHERE oid >= 16384
    UNION ALL
    SELECT 'ts config map', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_ts_config_map WHERE mapcfg >= 16384
    UNION ALL
    SELECT 'ts dict', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_ts_dict WHERE oid >= 16384
    UNION ALL
    SELECT 'ts parser', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_ts_parser WHERE oid >= 16384
    UNION ALL
    SELECT 'ts template', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_ts_template WHERE oid >= 16384
    UNION ALL
    SELECT 'language', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_language
    UNION ALL
    SELECT 'access method', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_am WHERE oid >= 16384
    UNION ALL
    SELECT 'transform', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_transform
    UNION ALL
    SELECT 'foreign-data wrapper', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_foreign_data_wrapper
    UNION ALL
    SELECT 'foreign server', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_foreign_server
    UNION ALL
    SELECT 'foreign table', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_foreign_table
    UNION ALL
    SELECT 'large object', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_largeobject_metadata
    UNION ALL
    SELECT 'security label', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_seclabel
    UNION ALL
    SELECT 'parameter acl', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_parameter_acl
    -- of what initdb has made, only its rights
    UNION ALL
    SELECT 'built-in class acl', count(*), sum(hash_record_extended(ROW(oid, relacl), 0)) FROM pg_catalog.pg_class
    WHERE oid < 16384 AND relacl IS NOT NULL
    UNION ALL
    SELECT 'built-in column acl', count(*), sum(hash_record_extended(ROW(attrelid, attnum, attacl), 0)) FROM pg_catalog.pg_attribute
    WHERE attrelid < 16384 AND attacl IS NOT NULL
    UNION ALL
    SELECT 'built-in proc acl', count(*), sum(hash_record_extended(ROW(oid, proacl), 0)) FROM pg_catalog.pg_proc
    WHERE oid < 16384 AND proacl IS NOT NULL
    UNION ALL
    SELECT 'built-in type acl', count(*), sum(hash_record_extended(ROW(oid, typacl), 0)) FROM pg_catalog.pg_type
    WHERE oid < 16384 AND typacl IS NOT NULL
    UNION ALL
    SELECT 'default acl', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_default_acl
    UNION ALL
    SELECT 'description', count(*), sum(xmin::text::bigint) FROM pg_catalog.pg_description
    WHERE objoid >= 16384 OR objoid = 'public'::regnamespace
    -- what is kept from those who are not superuser, by what they may see of it
    UNION ALL
    SELECT 'user mapping', count(*), sum(hashtextextended(concat_ws(' ', umid, srvname, usename, umoptions::text), 0)) FROM pg_catalog.pg_user_mappings
    UNION ALL
    SELECT 'subscription', count(*), sum(hashtextextended(subname, oid::bigint)) FROM pg_catalog.pg_subscription WHERE subname !~ '^migrator_'
) AS catalogs
