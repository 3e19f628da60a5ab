-- Every object of the user's of a kind that is not carried yet: kind and identity. "The user's": oid from 16384 on, not an
-- extension's (a member, or of a schema or table that is), not PostgreSQL's, not ours. Not bound to tables: whole looks only.
WITH found (kind, identity) AS (
    SELECT 'large object', m.oid::text FROM pg_catalog.pg_largeobject_metadata m
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
)
SELECT kind::text AS kind, identity::text AS identity
FROM found
WHERE %(relations)s::oid[] IS NULL
ORDER BY 1, 2
