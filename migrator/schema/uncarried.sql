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
    WHERE relkind = 'f' OR relpersistence = 'u' OR reloftype <> 0 OR reltablespace <> 0
), found (kind, identity) AS (
    SELECT 'foreign table', identity FROM odd WHERE relkind = 'f'
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'unlogged sequence' ELSE 'unlogged table' END, identity
    FROM odd WHERE relpersistence = 'u' AND relkind IN ('r', 'p', 'S')
    UNION ALL
    SELECT 'typed table (OF)', identity FROM odd WHERE reloftype <> 0
    UNION ALL
    SELECT 'tablespace of a relation', identity
    FROM odd WHERE reltablespace <> 0 AND relkind IN ('r', 'p', 'i', 'I', 'm')
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
    -- comments on what is carried are carried; these constraints have no name of their own everywhere
    SELECT 'comment', 'constraint ' || quote_ident(k.conname)
    FROM pg_catalog.pg_description d JOIN pg_catalog.pg_constraint k ON k.oid = d.objoid
    WHERE d.classoid = 'pg_catalog.pg_constraint'::regclass AND k.contype = 'n' AND k.oid >= 16384
      AND NOT EXISTS (SELECT FROM member m WHERE m.objid = k.contypid AND m.classid = 'pg_catalog.pg_type'::regclass)
)
SELECT kind::text AS kind, identity::text AS identity
FROM found
WHERE %(relations)s::oid[] IS NULL
ORDER BY 1, 2
