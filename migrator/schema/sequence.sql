-- Sequences with every parameter, and the column that owns them: link a (OWNED BY, serial), i (identity), NULL (none).
SELECT c.oid::bigint AS oid, n.nspname::text AS namespace, c.relname::text AS name,
       pg_catalog.format_type(s.seqtypid, NULL) AS type, s.seqstart AS start, s.seqincrement AS increment,
       s.seqmin AS minimum, s.seqmax AS maximum, s.seqcache AS cache, s.seqcycle AS cycle,
       -- an identity's of an unlogged partitioned table is as its table is made: logged
       c.relpersistence = 'u' AND NOT (d.deptype = 'i' AND t.relkind = 'p') IS TRUE AS unlogged,
       d.deptype::text AS link, d.refobjid::bigint AS owner_oid,
       tn.nspname::text AS owner_namespace, t.relname::text AS owner_table, a.attname::text AS owner_column
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR d.refobjid = ANY (%(relations)s::oid[]))
  AND c.oid NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                    WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                      AND e.classid = 'pg_catalog.pg_class'::regclass AND e.deptype = 'e')
ORDER BY 2, 3
