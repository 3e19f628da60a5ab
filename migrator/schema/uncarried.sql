-- Every object of the user's of a kind that is not carried yet: kind and identity. "The user's": oid from 16384 on, not an
-- extension's (a member, or of a schema or table that is), not PostgreSQL's, not ours. Not bound to tables: whole looks only.
WITH member AS (
    SELECT classid, objid FROM pg_catalog.pg_depend
    WHERE refclassid = 'pg_catalog.pg_extension'::regclass AND deptype = 'e'
), user_namespace AS (
    SELECT oid, nspname FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'migrator')
), relation AS NOT MATERIALIZED (
    SELECT c.*, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS identity
    FROM pg_catalog.pg_class c
    JOIN user_namespace n ON n.oid = c.relnamespace
    WHERE c.oid NOT IN (SELECT objid FROM member WHERE classid = 'pg_catalog.pg_class'::regclass)
), odd AS (
    -- read once: what stands out by itself
    SELECT * FROM relation
    WHERE relkind IN ('v', 'm', 'f', 'c') OR relpersistence = 'u' OR reloftype <> 0 OR relrowsecurity OR relforcerowsecurity
       OR reltablespace <> 0
), named (classid, objid, kind) AS (
    -- kinds whose identity PostgreSQL can spell itself
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid,
           CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END
    FROM pg_catalog.pg_proc p JOIN user_namespace n ON n.oid = p.pronamespace
    -- a range type brings its constructors along
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass
                      AND d.objid = p.oid AND d.deptype = 'i')
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::regclass, o.oid, 'operator'
    FROM pg_catalog.pg_operator o JOIN user_namespace n ON n.oid = o.oprnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_opclass'::regclass, o.oid, 'operator class'
    FROM pg_catalog.pg_opclass o JOIN user_namespace n ON n.oid = o.opcnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_opfamily'::regclass, o.oid, 'operator family'
    FROM pg_catalog.pg_opfamily o JOIN user_namespace n ON n.oid = o.opfnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::regclass, c.oid, 'cast' FROM pg_catalog.pg_cast c WHERE c.oid >= 16384
       -- a range type brings the cast to its multirange along
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_range r
                       WHERE r.rngtypid = c.castsource AND r.rngmultitypid = c.casttarget)
    UNION ALL
    SELECT 'pg_catalog.pg_conversion'::regclass, c.oid, 'conversion'
    FROM pg_catalog.pg_conversion c JOIN user_namespace n ON n.oid = c.connamespace
    UNION ALL
    SELECT 'pg_catalog.pg_collation'::regclass, c.oid, 'collation'
    FROM pg_catalog.pg_collation c JOIN user_namespace n ON n.oid = c.collnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_ts_config'::regclass, t.oid, 'text search configuration'
    FROM pg_catalog.pg_ts_config t JOIN user_namespace n ON n.oid = t.cfgnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_ts_dict'::regclass, t.oid, 'text search dictionary'
    FROM pg_catalog.pg_ts_dict t JOIN user_namespace n ON n.oid = t.dictnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_ts_parser'::regclass, t.oid, 'text search parser'
    FROM pg_catalog.pg_ts_parser t JOIN user_namespace n ON n.oid = t.prsnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_ts_template'::regclass, t.oid, 'text search template'
    FROM pg_catalog.pg_ts_template t JOIN user_namespace n ON n.oid = t.tmplnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_language'::regclass, l.oid, 'language' FROM pg_catalog.pg_language l WHERE l.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_am'::regclass, a.oid, 'access method' FROM pg_catalog.pg_am a WHERE a.oid >= 16384
    UNION ALL
    SELECT 'pg_catalog.pg_transform'::regclass, t.oid, 'transform' FROM pg_catalog.pg_transform t
    UNION ALL
    SELECT 'pg_catalog.pg_rewrite'::regclass, r.oid, 'rule'
    FROM pg_catalog.pg_rewrite r JOIN relation c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'
    UNION ALL
    SELECT 'pg_catalog.pg_trigger'::regclass, t.oid, 'trigger'
    FROM pg_catalog.pg_trigger t JOIN relation c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgparentid = 0
    UNION ALL
    SELECT 'pg_catalog.pg_event_trigger'::regclass, t.oid, 'event trigger' FROM pg_catalog.pg_event_trigger t
    UNION ALL
    SELECT 'pg_catalog.pg_policy'::regclass, p.oid, 'policy'
    FROM pg_catalog.pg_policy p JOIN relation c ON c.oid = p.polrelid
    UNION ALL
    SELECT 'pg_catalog.pg_publication'::regclass, p.oid, 'publication'
    FROM pg_catalog.pg_publication p WHERE p.pubname !~ '^migrator_'
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::regclass, s.oid, 'extended statistics'
    FROM pg_catalog.pg_statistic_ext s JOIN user_namespace n ON n.oid = s.stxnamespace
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_data_wrapper'::regclass, f.oid, 'foreign-data wrapper'
    FROM pg_catalog.pg_foreign_data_wrapper f
    UNION ALL
    SELECT 'pg_catalog.pg_foreign_server'::regclass, f.oid, 'foreign server' FROM pg_catalog.pg_foreign_server f
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass, t.oid, CASE WHEN t.typisdefined THEN 'base type' ELSE 'shell type' END
    FROM pg_catalog.pg_type t JOIN user_namespace n ON n.oid = t.typnamespace
    WHERE (t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid))
       OR (t.typtype = 'p' AND NOT t.typisdefined)
), found (kind, identity) AS (
    SELECT x.kind, o.identity
    FROM named x, LATERAL pg_catalog.pg_identify_object(x.classid, x.objid, 0) o
    WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = x.classid AND m.objid = x.objid)
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END, identity
    FROM odd WHERE relkind IN ('v', 'm', 'f')
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'unlogged sequence' ELSE 'unlogged table' END, identity
    FROM odd WHERE relpersistence = 'u' AND relkind IN ('r', 'p', 'S')
    UNION ALL
    SELECT 'typed table (OF)', identity FROM odd WHERE reloftype <> 0
    UNION ALL
    SELECT 'row level security', identity FROM odd WHERE relkind IN ('r', 'p') AND (relrowsecurity OR relforcerowsecurity)
    UNION ALL
    SELECT 'tablespace of a relation', identity
    FROM odd WHERE reltablespace <> 0 AND relkind IN ('r', 'p', 'i', 'I', 'm')
    UNION ALL
    SELECT 'clustering mark', r.identity
    FROM pg_catalog.pg_index i JOIN relation r ON r.oid = i.indexrelid
    WHERE i.indisclustered
    UNION ALL
    SELECT 'identity of a partition of its own', c.identity || '.' || quote_ident(a.attname)
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN relation c ON c.oid = d.refobjid AND c.relispartition
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
      AND d.deptype = 'i'
    UNION ALL
    -- before 18 a child's column could stay nullable under its parent's NOT NULL; 18 has no way to say so
    SELECT 'nullable column under a NOT NULL of its parent', c.identity || '.' || quote_ident(a.attname)
    FROM relation c
    JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attnotnull
    JOIN pg_catalog.pg_attribute p ON p.attrelid = h.inhparent AND p.attname = a.attname AND p.attnotnull
    WHERE c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
                      WHERE k.conrelid = h.inhparent AND k.contype = 'n' AND k.conkey = ARRAY[p.attnum] AND k.connoinherit)
    UNION ALL
    SELECT 'subscription', quote_ident(s.subname)
    FROM pg_catalog.pg_subscription s
    WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND s.subname !~ '^migrator_'
    UNION ALL
    SELECT 'user mapping', u.usename || ' on ' || quote_ident(u.srvname) FROM pg_catalog.pg_user_mappings u
    UNION ALL
    SELECT 'large object', m.oid::text FROM pg_catalog.pg_largeobject_metadata m
    UNION ALL
    SELECT 'security label', coalesce(o.identity, l.objoid::text)
    FROM pg_catalog.pg_seclabel l, LATERAL pg_catalog.pg_identify_object(l.classoid, l.objoid, l.objsubid) o
    UNION ALL
    SELECT 'rows of an extension''s table', x.extname || ': ' || c.identity
    FROM pg_catalog.pg_extension x, unnest(x.extconfig) config (oid)
    JOIN (SELECT k.oid, quote_ident(n.nspname) || '.' || quote_ident(k.relname) AS identity
          FROM pg_catalog.pg_class k JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
          WHERE k.relkind = 'r') c ON c.oid = config.oid
    -- of config.oid, not c.oid: the size of every table would be asked, and each lock waited for
    WHERE pg_catalog.pg_relation_size(config.oid) > 0
    UNION ALL
    SELECT 'reserved schema', 'migrator'
    FROM pg_catalog.pg_namespace n WHERE n.nspname = 'migrator'
    UNION ALL
    -- comments on what is carried are carried: these are on the rest that has none of its own above
    SELECT 'comment', 'column of ' || r.identity
    FROM pg_catalog.pg_description d JOIN odd r ON r.oid = d.objoid
    WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid > 0 AND r.relkind = 'c'
    UNION ALL
    SELECT 'comment', 'constraint ' || quote_ident(k.conname)
    FROM pg_catalog.pg_description d JOIN pg_catalog.pg_constraint k ON k.oid = d.objoid
    WHERE d.classoid = 'pg_catalog.pg_constraint'::regclass AND (k.contypid <> 0 OR k.contype = 'n') AND k.oid >= 16384
      AND NOT EXISTS (SELECT FROM member m WHERE m.objid = k.contypid AND m.classid = 'pg_catalog.pg_type'::regclass)
)
SELECT kind::text AS kind, identity::text AS identity
FROM found
WHERE %(relations)s::oid[] IS NULL
ORDER BY 1, 2
