-- What the user's objects use of PostgreSQL itself that a later major version took away: kind, name, since when it is gone, by whom.
-- Nothing notes in pg_depend who uses a built-in function or a catalog's column: they stand in expressions, by oid. A test compares
-- the lists with servers of every version. Functions with a text for a body are not looked into: they fail when they are called.
-- Of settings that functions set, and of collations that initdb found on the machine, all: which the destination has, it says itself.
WITH gone_function (oid, since) AS (
    SELECT gone.oid, gone.since
    FROM (VALUES (1843, 17), (2769, 17), (2770, 17), (2771, 17), (2775, 17), (3063, 17), (3160, 17), (3161, 17), (3325, 17), (3549, 17),
           (4099, 17), (4100, 17), (2599, 18)) gone (oid, since)
    WHERE gone.since * 10000 > current_setting('server_version_num')::integer
), gone_column (relation, name, since) AS (
    VALUES ('information_schema.element_types', 'domain_default', 17),
           ('pg_catalog.pg_collation', 'colliculocale', 17),
           ('pg_catalog.pg_database', 'daticulocale', 17),
           ('pg_catalog.pg_stat_bgwriter', 'buffers_backend', 17),
           ('pg_catalog.pg_stat_bgwriter', 'buffers_backend_fsync', 17),
           ('pg_catalog.pg_stat_bgwriter', 'buffers_checkpoint', 17),
           ('pg_catalog.pg_stat_bgwriter', 'checkpoint_sync_time', 17),
           ('pg_catalog.pg_stat_bgwriter', 'checkpoint_write_time', 17),
           ('pg_catalog.pg_stat_bgwriter', 'checkpoints_req', 17),
           ('pg_catalog.pg_stat_bgwriter', 'checkpoints_timed', 17),
           ('pg_catalog.pg_stat_progress_vacuum', 'max_dead_tuples', 17),
           ('pg_catalog.pg_stat_progress_vacuum', 'num_dead_tuples', 17),
           ('pg_catalog.pg_attribute', 'attcacheoff', 18),
           ('pg_catalog.pg_backend_memory_contexts', 'parent', 18),
           ('pg_catalog.pg_stat_io', 'op_bytes', 18),
           ('pg_catalog.pg_stat_wal', 'wal_sync', 18),
           ('pg_catalog.pg_stat_wal', 'wal_sync_time', 18),
           ('pg_catalog.pg_stat_wal', 'wal_write', 18),
           ('pg_catalog.pg_stat_wal', 'wal_write_time', 18)
), gone_attribute AS MATERIALIZED (
    -- looked up once: a planner without statistics of a young database would do it for every row of pg_depend
    SELECT g.relation, g.name, g.since, a.attrelid, a.attnum
    FROM gone_column g
    JOIN pg_catalog.pg_attribute a ON a.attrelid = pg_catalog.to_regclass(g.relation) AND a.attname = g.name
), call (pattern) AS (
    SELECT format(':(func|opfunc|aggfno|winfno)id (%%s) ', string_agg(oid::text, '|')) FROM gone_function HAVING count(*) > 0
), expression AS NOT MATERIALIZED (
    -- tens of thousands, a kilobyte each: unpacked once, searched once for all functions, never held together
    SELECT * FROM (
    SELECT 'pg_catalog.pg_rewrite'::regclass AS classid, r.oid AS objid, concat(r.ev_qual::text, r.ev_action::text) AS tree
    FROM pg_catalog.pg_rewrite r
    UNION ALL
    SELECT 'pg_catalog.pg_attrdef'::regclass, d.oid, concat(d.adbin::text) FROM pg_catalog.pg_attrdef d
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::regclass, k.oid, concat(k.conbin::text) FROM pg_catalog.pg_constraint k WHERE k.conbin IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, i.indexrelid, concat(i.indexprs::text, i.indpred::text)
    FROM pg_catalog.pg_index i WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_class'::regclass, p.partrelid, concat(p.partexprs::text)
    FROM pg_catalog.pg_partitioned_table p WHERE p.partexprs IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::regclass, p.oid, concat(p.polqual::text, p.polwithcheck::text) FROM pg_catalog.pg_policy p
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::regclass, t.oid, concat(t.tgqual::text) FROM pg_catalog.pg_trigger t WHERE t.tgqual IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass, s.oid, concat(s.stxexprs::text) FROM pg_catalog.pg_statistic_ext s WHERE s.stxexprs IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, concat(t.typdefaultbin::text) FROM pg_catalog.pg_type t WHERE t.typdefaultbin IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid, concat(p.proargdefaults::text, p.prosqlbody::text)
    FROM pg_catalog.pg_proc p WHERE p.proargdefaults IS NOT NULL OR p.prosqlbody IS NOT NULL
    ) trees WHERE objid >= 16384 AND EXISTS (SELECT FROM gone_function) -- else none is read: the newest server has lost nothing
), called (classid, objid, function) AS (
    SELECT e.classid, e.objid, g.oid::oid
    FROM (SELECT e.* FROM call CROSS JOIN expression e WHERE e.tree ~ call.pattern OFFSET 0) e
    JOIN gone_function g ON e.tree ~ format(':(func|opfunc|aggfno|winfno)id %%s ', g.oid)
    UNION ALL
    SELECT 'pg_catalog.pg_proc'::regclass, a.aggfnoid::oid, part.function::oid
    FROM pg_catalog.pg_aggregate a
    CROSS JOIN unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]) part (function)
    WHERE a.aggfnoid::oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::regclass, o.oid, o.oprcode::oid FROM pg_catalog.pg_operator o WHERE o.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::regclass, c.oid, c.castfunc FROM pg_catalog.pg_cast c WHERE c.oid >= 16384
), use (kind, name, since, classid, objid, objsubid) AS (
    SELECT 'function', g.oid::regprocedure::text, g.since, c.classid, c.objid, 0
    FROM called c JOIN gone_function g ON g.oid = c.function
    UNION ALL
    -- a view's, as those of information_schema, has its users noted
    SELECT 'column', format('%%s.%%I', g.relation, g.name), g.since, d.classid, d.objid, d.objsubid
    FROM gone_attribute g
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = g.attrelid AND d.refobjsubid = g.attnum
    WHERE d.objid >= 16384
    UNION ALL
    -- a table's has not: spelled out only for views of that table
    SELECT 'column', format('%%s.%%I', g.relation, g.name), g.since, 'pg_catalog.pg_rewrite'::regclass, r.oid, 0
    FROM gone_attribute g
    JOIN pg_catalog.pg_class c ON c.oid = g.attrelid AND c.relkind = 'r'
    JOIN expression e ON e.classid = 'pg_catalog.pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite r ON r.oid = e.objid
    -- spelling a view out locks its tables: only those that have passed the plain search, so in a CASE, for an AND may be turned round
    WHERE r.rulename = '_RETURN' AND CASE WHEN strpos(e.tree, format(':relid %%s ', c.oid)) > 0
        THEN pg_catalog.pg_get_viewdef(r.ev_class) ~ format('\m%%s\M', g.name) ELSE false END
    UNION ALL
    SELECT 'collation', l.collname, 0, d.classid, d.objid, d.objsubid
    FROM pg_catalog.pg_collation l
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_collation'::regclass AND d.refobjid = l.oid
    WHERE l.oid < 16384 AND d.objid >= 16384
    UNION ALL
    SELECT 'setting', split_part(setting, '=', 1), 0, 'pg_catalog.pg_proc'::regclass, p.oid, 0
    FROM pg_catalog.pg_proc p, unnest(p.proconfig) setting
    WHERE p.oid >= 16384
)
SELECT DISTINCT kind, name, since,
       regexp_replace(pg_catalog.pg_describe_object(classid, objid, objsubid), '^rule "?_RETURN"? on ', '') AS used_by
FROM use
WHERE %(relations)s::oid[] IS NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.deptype = 'e' AND (e.classid = use.classid AND e.objid = use.objid
                                             OR e.classid = 'pg_catalog.pg_class'::regclass AND use.classid = 'pg_catalog.pg_rewrite'::regclass
                                                AND e.objid = (SELECT ev_class FROM pg_catalog.pg_rewrite r WHERE r.oid = use.objid)))
ORDER BY 1, 2, 4
