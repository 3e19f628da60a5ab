-- What initdb or an extension made and whose rights nobody has changed: no ACL, so no row in privilege.sql. Of initdb's making
-- every database of a version has the same thousands: spelled only for who does not know their digest yet.
WITH object AS NOT MATERIALIZED (
    SELECT 'ROUTINE' AS kind, p.oid::regprocedure::text AS identity, 'pg_catalog.pg_proc'::regclass AS class, p.oid
    FROM pg_catalog.pg_proc p WHERE p.proacl IS NULL
    UNION ALL
    SELECT 'TYPE', format('%%I.%%I', n.nspname, t.typname), 'pg_catalog.pg_type'::regclass, t.oid
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typacl IS NULL AND t.typtype IN ('b', 'd', 'e', 'r', 'p')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
           WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
        format('%%I.%%I', n.nspname, c.relname), 'pg_catalog.pg_class'::regclass, c.oid
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relacl IS NULL AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'SCHEMA', quote_ident(nspname), 'pg_catalog.pg_namespace'::regclass, oid
    FROM pg_catalog.pg_namespace WHERE nspacl IS NULL AND nspname <> 'public'
    UNION ALL
    SELECT 'LANGUAGE', quote_ident(lanname), 'pg_catalog.pg_language'::regclass, oid FROM pg_catalog.pg_language WHERE lanacl IS NULL
    UNION ALL
    SELECT 'FOREIGN DATA WRAPPER', quote_ident(fdwname), 'pg_catalog.pg_foreign_data_wrapper'::regclass, oid
    FROM pg_catalog.pg_foreign_data_wrapper WHERE fdwacl IS NULL
    UNION ALL
    SELECT 'SERVER', quote_ident(srvname), 'pg_catalog.pg_foreign_server'::regclass, oid
    FROM pg_catalog.pg_foreign_server WHERE srvacl IS NULL
), digest (word) AS (
    -- all that the list of initdb's objects is made of: which have no ACL, and the names in what they are called
    SELECT md5(concat_ws(',', current_setting('server_version_num'),
        (SELECT concat(count(*), ' ', sum(hash_record_extended(ROW(oid, proname, pronamespace, proargtypes), 0)))
         FROM pg_catalog.pg_proc WHERE oid < 16384 AND proacl IS NULL),
        (SELECT concat(count(*), ' ', sum(hash_record_extended(ROW(oid, typname, typnamespace, typtype, typarray, typacl IS NULL), 0)))
         FROM pg_catalog.pg_type WHERE oid < 16384),
        (SELECT concat(count(*), ' ', sum(hash_record_extended(ROW(oid, relname, relnamespace, relkind), 0)))
         FROM pg_catalog.pg_class WHERE oid < 16384 AND relacl IS NULL AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')),
        (SELECT concat(count(*), ' ', sum(hash_record_extended(ROW(oid, nspname, nspacl IS NULL), 0)))
         FROM pg_catalog.pg_namespace WHERE oid < 16384 OR oid IN (
             SELECT pronamespace FROM pg_catalog.pg_proc WHERE oid < 16384
             UNION SELECT typnamespace FROM pg_catalog.pg_type WHERE oid < 16384)),
        (SELECT concat(count(*), ' ', sum(hash_record_extended(ROW(oid, lanname, lanacl IS NULL), 0)))
         FROM pg_catalog.pg_language WHERE oid < 16384),
        (SELECT concat(count(*), ' ', sum(hash_record_extended(ROW(oid, fdwname, fdwacl IS NULL), 0)))
         FROM pg_catalog.pg_foreign_data_wrapper WHERE oid < 16384),
        (SELECT concat(count(*), ' ', sum(hash_record_extended(ROW(oid, srvname, srvacl IS NULL), 0)))
         FROM pg_catalog.pg_foreign_server WHERE oid < 16384)))
)
SELECT digest.word AS digest,
       CASE WHEN digest.word <> ALL (%(known)s::text[])
            THEN (SELECT coalesce(json_agg(json_build_array(kind, identity) ORDER BY kind, identity), '[]')::text
                  FROM object WHERE oid < 16384) END AS of_initdb,
       (SELECT coalesce(json_agg(json_build_array(kind, identity) ORDER BY kind, identity), '[]')::text
        FROM object o
        WHERE o.oid >= 16384 AND (o.class, o.oid) IN (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
                                                     WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e')
       ) AS of_extensions
FROM digest
WHERE %(relations)s::oid[] IS NULL
