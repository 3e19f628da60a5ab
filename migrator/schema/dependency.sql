-- Which carried object needs which, as keys class:OID, type:OID, extension:OID. What has no CREATE of its own stands for
-- the object that brings it: a column default or constraint for its table or domain, an array or row type for its base.
WITH carrier AS (
    SELECT 'pg_catalog.pg_class'::regclass AS classid, c.oid AS objid, 'class:' || c.oid AS key
    FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'f', 'S', 'c', 'v', 'm')
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
    UNION ALL
    -- a view that groups by a primary key needs it, a routine that inserts ON CONFLICT ON CONSTRAINT that one: both come with their index
    SELECT 'pg_catalog.pg_constraint'::regclass, o.oid, 'index:' || o.conindid
    FROM pg_catalog.pg_constraint o WHERE o.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, c.oid, 'index:' || c.oid FROM pg_catalog.pg_class c WHERE c.relkind IN ('i', 'I')
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass, r.oid, 'class:' || r.ev_class
    FROM pg_catalog.pg_rewrite r WHERE r.oid >= 16384 AND r.rulename = '_RETURN'
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 'proc:' || p.oid FROM pg_catalog.pg_proc p WHERE p.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::regclass, o.oid, 'operator:' || o.oid FROM pg_catalog.pg_operator o WHERE o.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::regclass, f.oid, 'opfamily:' || f.oid FROM pg_catalog.pg_opfamily f WHERE f.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::regclass, c.oid, 'opclass:' || c.oid FROM pg_catalog.pg_opclass c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::regclass, c.oid, 'cast:' || c.oid FROM pg_catalog.pg_cast c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::regclass, c.oid, 'conversion:' || c.oid FROM pg_catalog.pg_conversion c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::regclass, c.oid, 'collation:' || c.oid FROM pg_catalog.pg_collation c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_ts_parser'::regclass, p.oid, 'ts_parser:' || p.oid FROM pg_catalog.pg_ts_parser p WHERE p.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_ts_template'::regclass, t.oid, 'ts_template:' || t.oid FROM pg_catalog.pg_ts_template t WHERE t.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::regclass, d.oid, 'ts_dict:' || d.oid FROM pg_catalog.pg_ts_dict d WHERE d.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::regclass, c.oid, 'ts_config:' || c.oid FROM pg_catalog.pg_ts_config c WHERE c.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_language'::regclass, l.oid, 'language:' || l.oid FROM pg_catalog.pg_language l WHERE l.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_am'::regclass, a.oid, 'am:' || a.oid FROM pg_catalog.pg_am a WHERE a.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_transform'::regclass, t.oid, 'transform:' || t.oid FROM pg_catalog.pg_transform t
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_data_wrapper'::regclass, w.oid, 'foreign_data_wrapper:' || w.oid
    FROM pg_catalog.pg_foreign_data_wrapper w
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::regclass, s.oid, 'foreign_server:' || s.oid FROM pg_catalog.pg_foreign_server s
    UNION ALL
    -- a class's own operators and functions, and the loose ones of a family
    SELECT d.classid, d.objid, CASE WHEN d.refclassid = 'pg_catalog.pg_opclass'::regclass THEN 'opclass:' ELSE 'members:' END || d.refobjid
    FROM pg_catalog.pg_depend d
    WHERE d.classid IN ('pg_catalog.pg_amop'::regclass, 'pg_catalog.pg_amproc'::regclass)
      AND d.refclassid IN ('pg_catalog.pg_opclass'::regclass, 'pg_catalog.pg_opfamily'::regclass)
      AND d.deptype IN ('a', 'i') AND d.refobjid >= 16384
)
SELECT DISTINCT a.key AS object, b.key AS needs
FROM (SELECT * FROM pg_catalog.pg_depend
      WHERE (deptype IN ('n', 'a', 'e')
             -- a range's constructors come with it
             OR deptype = 'i' AND classid = 'pg_catalog.pg_proc'::regclass AND refclassid = 'pg_catalog.pg_type'::regclass)
        AND objid >= 16384 AND refobjid >= 16384
        -- a default for its own table, a table's constraint for its columns: of these there are most
        AND NOT (classid = 'pg_catalog.pg_attrdef'::regclass AND deptype = 'a')
        AND NOT (classid = 'pg_catalog.pg_constraint'::regclass AND refclassid = 'pg_catalog.pg_class'::regclass)) d
JOIN carrier a ON a.classid = d.classid AND a.objid = d.objid
JOIN carrier b ON b.classid = d.refclassid AND b.objid = d.refobjid
WHERE a.key <> b.key AND a.key !~ '^index:'
  AND %(relations)s::oid[] IS NULL
  -- a sequence's OWNED BY and the identity column that brings it come after both
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class s
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
                    AND d.deptype IN ('a', 'i'))
UNION
-- DISTINCT and GROUP BY name an operator, and want the class that says what it is for
SELECT 'class:' || r.ev_class, 'opclass:' || m.refobjid
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
JOIN pg_catalog.pg_amop o ON o.amopopr = d.refobjid
JOIN pg_catalog.pg_depend m ON m.classid = 'pg_catalog.pg_amop'::regclass AND m.objid = o.oid
                           AND m.refclassid = 'pg_catalog.pg_opclass'::regclass
WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_operator'::regclass
  AND d.refobjid >= 16384 AND m.refobjid >= 16384 AND %(relations)s::oid[] IS NULL
