-- Comments on what is carried; those on whole objects of the rooms of definitions are in definition_comment.sql.
-- A NOT NULL of a table has a row of its own, and so perhaps a comment, from 18 on; one of a domain from 17 on.
SELECT * FROM (
    SELECT 'SCHEMA' AS kind, NULL::text AS on_kind, NULL::text AS namespace, n.nspname::text AS name, NULL::text AS relation_name, NULL::oid AS relation,
           false AS on_index, d.description AS text, n.oid AS objid, 'pg_catalog.pg_namespace'::regclass AS classid
    FROM pg_catalog.pg_description d
    JOIN pg_catalog.pg_namespace n ON n.oid = d.objoid
    WHERE d.classoid = 'pg_catalog.pg_namespace'::regclass AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('information_schema', 'migrator')
      AND (n.nspname, d.description) <> ('public', 'standard public schema')
    UNION ALL
    SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, NULL, n.nspname, t.typname, NULL, NULL, false, d.description,
           t.oid, 'pg_catalog.pg_type'::regclass
    FROM pg_catalog.pg_description d
    JOIN pg_catalog.pg_type t ON t.oid = d.objoid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE d.classoid = 'pg_catalog.pg_type'::regclass AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('information_schema', 'migrator') AND (t.typtype IN ('e', 'd', 'r', 'c', 'b') OR t.typtype = 'p' AND NOT t.typisdefined)
    UNION ALL
    SELECT CASE WHEN d.objsubid > 0 THEN 'COLUMN' WHEN c.relkind = 'S' THEN 'SEQUENCE'
                WHEN c.relkind IN ('i', 'I') THEN 'INDEX' WHEN c.relkind = 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
           CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'type' ELSE 'table' END,
           n.nspname,
           coalesce((SELECT a.attname FROM pg_catalog.pg_attribute a
                     WHERE d.objsubid > 0 AND a.attrelid = c.oid AND a.attnum = d.objsubid), c.relname),
           coalesce(ct.relname, CASE WHEN c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') THEN c.relname END),
           coalesce(ct.oid, CASE WHEN c.relkind IN ('r', 'p', 'f', 'v', 'm') THEN c.oid END), false, d.description,
           c.oid, 'pg_catalog.pg_class'::regclass
    FROM pg_catalog.pg_description d
    JOIN pg_catalog.pg_class c ON c.oid = d.objoid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_catalog.pg_class ct ON ct.oid = i.indrelid
    WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('information_schema', 'migrator')
      AND c.relpersistence <> 't'
      AND (c.relkind IN ('r', 'p', 'f', 'S') OR c.relkind IN ('v', 'm', 'c') AND d.objsubid > 0
           OR c.relkind IN ('i', 'I') AND ct.relkind IN ('r', 'p', 'm'))
    UNION ALL
    SELECT 'CONSTRAINT', CASE o.contype WHEN 'n' THEN 'table' END, n.nspname, o.conname, c.relname, c.oid, o.contype IN ('p', 'u', 'x'), d.description,
           c.oid, 'pg_catalog.pg_class'::regclass
    FROM pg_catalog.pg_description d
    JOIN pg_catalog.pg_constraint o ON o.oid = d.objoid
    JOIN pg_catalog.pg_class c ON c.oid = o.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE d.classoid = 'pg_catalog.pg_constraint'::regclass AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('information_schema', 'migrator') AND o.contype IN ('p', 'u', 'x', 'c', 'f', 'n')
      AND c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
    UNION ALL
    SELECT 'CONSTRAINT ON DOMAIN', NULL, n.nspname, o.conname, t.typname, NULL, false, d.description,
           t.oid, 'pg_catalog.pg_type'::regclass
    FROM pg_catalog.pg_description d
    JOIN pg_catalog.pg_constraint o ON o.oid = d.objoid
    JOIN pg_catalog.pg_type t ON t.oid = o.contypid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE d.classoid = 'pg_catalog.pg_constraint'::regclass AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('information_schema', 'migrator') AND o.contype IN ('c', 'n')
) found
WHERE (%(relations)s::oid[] IS NULL OR relation = ANY (%(relations)s::oid[]))
  AND (found.classid, found.objid) NOT IN (SELECT e.classid, e.objid FROM pg_catalog.pg_depend e
                                           WHERE e.refclassid = 'pg_catalog.pg_extension'::regclass AND e.deptype = 'e')
ORDER BY kind, namespace, relation_name, name
