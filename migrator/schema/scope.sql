-- What to read for some relations: themselves, their whole partition or inheritance trees, and what their foreign keys
-- refer to. No row for a relation that does not exist. The source's word counts for both sides: the destination lacks ties at first.
WITH RECURSIVE up AS (
    SELECT pg_catalog.to_regclass(name)::oid AS oid FROM unnest(%(relations)s::text[]) AS name
    UNION
    SELECT h.inhparent FROM up JOIN pg_catalog.pg_inherits h ON h.inhrelid = up.oid
), tree AS (
    SELECT oid FROM up
    UNION
    SELECT h.inhrelid FROM tree JOIN pg_catalog.pg_inherits h ON h.inhparent = tree.oid
), scope AS (
    SELECT oid FROM tree
    UNION
    SELECT con.confrelid FROM tree
    JOIN pg_catalog.pg_constraint con ON con.conrelid = tree.oid AND con.contype = 'f'
)
SELECT scope.oid::bigint AS oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS relation,
       n.nspname, c.relname
FROM scope
JOIN pg_catalog.pg_class c ON c.oid = scope.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY 1
