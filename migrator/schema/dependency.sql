-- Which carried object needs which, as keys class:OID, type:OID, extension:OID. What has no CREATE of its own stands for
-- the object that brings it: a column default or constraint for its table or domain, an array or row type for its base.
WITH carrier AS (
    SELECT 'pg_catalog.pg_class'::regclass AS classid, c.oid AS objid, 'class:' || c.oid AS key
    FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'S', 'c')
    UNION ALL
    SELECT 'pg_catalog.pg_extension'::regclass, x.oid, 'extension:' || x.oid FROM pg_catalog.pg_extension x
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid,
           CASE WHEN coalesce(e.typrelid, t.typrelid) <> 0 THEN 'class:' || coalesce(e.typrelid, t.typrelid)
                WHEN e.oid IS NOT NULL THEN 'type:' || e.oid
                WHEN r.rngtypid IS NOT NULL THEN 'type:' || r.rngtypid
                ELSE 'type:' || t.oid END
    FROM pg_catalog.pg_type t
    LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
    LEFT JOIN pg_catalog.pg_range r ON r.rngmultitypid = coalesce(e.oid, t.oid)
    WHERE t.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid, 'class:' || d.adrelid FROM pg_catalog.pg_attrdef d
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, o.oid, 'type:' || o.contypid
    FROM pg_catalog.pg_constraint o WHERE o.contypid <> 0
)
SELECT DISTINCT a.key AS object, b.key AS needs
FROM (SELECT * FROM pg_catalog.pg_depend
      WHERE deptype IN ('n', 'a', 'e') AND objid >= 16384 AND refobjid >= 16384
        -- a default for its own table, a table's constraint for its columns: of these there are most
        AND NOT (classid = 'pg_catalog.pg_attrdef'::regclass AND deptype = 'a')
        AND NOT (classid = 'pg_catalog.pg_constraint'::regclass AND refclassid = 'pg_catalog.pg_class'::regclass)) d
JOIN carrier a ON a.classid = d.classid AND a.objid = d.objid
JOIN carrier b ON b.classid = d.refclassid AND b.objid = d.refobjid
WHERE a.key <> b.key
  AND %(relations)s::oid[] IS NULL
  -- a sequence's OWNED BY and the identity column that brings it come after both
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class s
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
                    AND d.deptype IN ('a', 'i'))
