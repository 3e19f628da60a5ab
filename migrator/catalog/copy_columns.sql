-- The columns of one relation, and what their types are made of: domains, arrays, composites, ranges and multiranges are looked into.
-- `signature` is equal on two servers where the binary forms have the same layout; `safe`: where they also mean the same.
WITH RECURSIVE columns AS (
    SELECT a.attnum, a.attname, a.atttypid, a.attgenerated <> '' AS generated
    FROM pg_attribute a
    WHERE a.attrelid = to_regclass({relation}) AND a.attnum > 0 AND NOT a.attisdropped
), inside AS (
    SELECT DISTINCT c.atttypid AS root, ARRAY[0::int2] AS path, 'type'::text AS step, c.atttypid AS type FROM columns c
    UNION ALL
    SELECT i.root, i.path || child.number, child.step, child.type
    FROM inside i JOIN pg_type t ON t.oid = i.type CROSS JOIN LATERAL (
        SELECT 0::int2 AS number, 'domain over' AS step, t.typbasetype AS type WHERE t.typtype = 'd'
        UNION ALL
        SELECT 0::int2, 'array of', t.typelem WHERE t.typelem <> 0 AND t.typsubscript = 'array_subscript_handler'::regproc
        UNION ALL
        SELECT a.attnum, 'attribute', a.atttypid FROM pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT 0::int2, 'range of', r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
    ) child
), described AS (
    SELECT i.root, string_agg(concat_ws(' ', i.step, n.nspname, t.typname, t.typtype, e.extname, e.extversion), ', '
                              ORDER BY i.path) AS signature,
        -- reg*: oids of the server they were written on; xml in binary gains a declaration of its encoding;
        -- tsquery: an empty one is refused in binary ("malformed tsquery: operand not found")
        bool_and(t.typsend <> 0 AND t.typreceive <> 0 AND NOT (t.oid < 16384 AND t.typname ~ '^_?(reg|xml|tsquery)')
                 AND (t.oid < 16384 OR t.typtype <> 'b' OR e.oid IS NOT NULL
                      OR t.typelem <> 0 AND t.typsubscript = 'array_subscript_handler'::regproc)) AS safe
    FROM inside i JOIN pg_type t ON t.oid = i.type JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
    LEFT JOIN pg_extension e ON e.oid = d.refobjid
    GROUP BY i.root
)
SELECT c.attname AS name, c.generated, d.signature, d.safe, c.attnum
FROM columns c JOIN described d ON d.root = c.atttypid ORDER BY c.attnum
