-- The oids to read for one relation: itself, its whole partition or inheritance tree, and what their foreign keys refer to.
-- No row where the relation does not exist on this side.
WITH RECURSIVE up AS (
    SELECT pg_catalog.to_regclass(%(relation)s)::oid AS oid
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
SELECT oid::bigint AS oid FROM scope WHERE oid IS NOT NULL ORDER BY 1
