-- Columns of tables: `relation` first and `options` last, as column.py relies on. What is the type's own
-- (storage, collation) or the default is NULL.
-- NOT NULL constraints have rows of their own (contype n) from 18 on; before, the join finds nothing.
-- attoptions: only what exists everywhere; minor releases keep an internal option (pg_attver) there too.
SELECT a.attrelid::bigint AS relation, a.attname::text AS name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN a.attcollation <> t.typcollation THEN co.nspname::text END AS collation_namespace,
       CASE WHEN a.attcollation <> t.typcollation THEN co.collname::text END AS collation,
       -- only a generated column's expression names columns: any other needs no look at the table, and so no lock
       CASE WHEN a.atthasdef THEN (
           SELECT pg_catalog.pg_get_expr(d.adbin, CASE WHEN a.attgenerated = '' THEN 0 ELSE d.adrelid END)
           FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END AS default_value,
       -- what rows have that are older than the column: an array of one element, of the column's type
       CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END AS missing,
       a.attnotnull AS not_null,
       nn.conname::text AS not_null_name,
       coalesce(nn.connoinherit, false) AS not_null_no_inherit,
       coalesce(nn.convalidated, true) AS not_null_validated,
       CASE WHEN a.attinhcount = 0 THEN coalesce(nn.conislocal, true)
            ELSE coalesce(nn.conislocal, NOT EXISTS (
                SELECT FROM pg_catalog.pg_inherits h
                JOIN pg_catalog.pg_attribute p ON p.attrelid = h.inhparent AND p.attname = a.attname AND p.attnotnull
                WHERE h.inhrelid = a.attrelid)) END AS not_null_local,
       a.attidentity::text AS identity, a.attgenerated::text AS generated, a.attislocal AS local,
       -- before 18 an inheriting table's column could stay nullable under its parent's NOT NULL
       NOT a.attnotnull AND a.attinhcount > 0 AND NOT c.relispartition AND EXISTS (
           SELECT FROM pg_catalog.pg_inherits h
           JOIN pg_catalog.pg_attribute p ON p.attrelid = h.inhparent AND p.attname = a.attname AND p.attnotnull
           WHERE h.inhrelid = a.attrelid
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = h.inhparent AND k.contype = 'n'
                             AND k.conkey = ARRAY[p.attnum] AND k.connoinherit)) AS nullable_below,
       -- 17 can give an inherited column an expression of its own (SET EXPRESSION)
       a.attgenerated <> '' AND NOT a.attislocal AND NOT c.relispartition AND EXISTS (
           SELECT FROM pg_catalog.pg_inherits h
           JOIN pg_catalog.pg_attribute p ON p.attrelid = h.inhparent AND p.attname = a.attname
           JOIN pg_catalog.pg_attrdef pd ON pd.adrelid = p.attrelid AND pd.adnum = p.attnum
           JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
           WHERE h.inhrelid = a.attrelid
             AND pg_catalog.pg_get_expr(pd.adbin, pd.adrelid) <> pg_catalog.pg_get_expr(d.adbin, d.adrelid)) AS own_expression,
       CASE WHEN a.attfdwoptions IS NOT NULL
            THEN (SELECT string_agg(format('%%I %%L', o.option_name, o.option_value), ', ' ORDER BY o.option_name)
                  FROM pg_catalog.pg_options_to_table(a.attfdwoptions) o) END AS server_options,
       CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END AS storage,
       a.attcompression::text AS compression,
       nullif(a.attstattarget, -1)::int AS statistics,
       CASE WHEN a.attoptions IS NOT NULL
            THEN (SELECT array_agg(o) FROM unnest(a.attoptions) o WHERE o ~ '^n_distinct(_inherited)?=') END AS options
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN (SELECT k.conrelid, k.conkey[1] AS attnum, k.conname, k.connoinherit, k.convalidated, k.conislocal
           FROM pg_catalog.pg_constraint k
           WHERE k.contype = 'n' AND (%(relations)s::oid[] IS NULL OR k.conrelid = ANY (%(relations)s::oid[]))
           OFFSET 0) nn ON nn.conrelid = a.attrelid AND nn.attnum = a.attnum
LEFT JOIN (SELECT l.oid, l.collname, ln.nspname FROM pg_catalog.pg_collation l
           JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace) co ON co.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
  AND c.oid <> ALL (%(without)s::oid[])
ORDER BY a.attrelid, a.attnum
