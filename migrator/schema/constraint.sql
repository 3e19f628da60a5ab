-- CHECK constraints and foreign keys of tables. conenforced came with 18: `later` stands in where it is lacking. Left out: the rows PostgreSQL keeps beneath a foreign key for
-- each partition of the *referenced* table. A row for a partition of the referencing table has `parent_name`.
SELECT con.oid::bigint AS oid, con.conname::text AS name, con.contype::text AS type,
       n.nspname::text AS namespace, c.relname::text AS relation_name, c.relkind = 'p' AS partitioned,
       pg_catalog.pg_get_constraintdef(con.oid) AS definition,
       con.convalidated AS validated, con.conislocal AS local, con.connoinherit AS no_inherit,
       (SELECT conenforced FROM (SELECT con.*) AS as_it_is) AS enforced,
       pn.nspname::text AS parent_namespace, pc.relname::text AS parent_relation, parent.conname::text AS parent_name,
       fn.nspname::text AS referenced_namespace, f.relname::text AS referenced_relation, fi.relname::text AS referenced_index
FROM (SELECT true AS conenforced) AS later
CROSS JOIN pg_catalog.pg_constraint con
JOIN pg_catalog.pg_class c ON c.oid = con.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_constraint parent ON parent.oid = con.conparentid
LEFT JOIN pg_catalog.pg_class pc ON pc.oid = parent.conrelid
LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
LEFT JOIN pg_catalog.pg_class f ON f.oid = con.confrelid
LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
LEFT JOIN pg_catalog.pg_class fi ON fi.oid = con.conindid
WHERE con.contype IN ('c', 'f') AND c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
  AND parent.conrelid IS DISTINCT FROM con.conrelid
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND c.oid <> ALL (%(without)s::oid[])
  AND con.conrelid NOT IN (SELECT e.objid FROM pg_catalog.pg_depend e
                    WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass
                      AND e.classid = 'pg_catalog.pg_class'::regclass AND e.deptype = 'e')
ORDER BY 4, 5, 2
