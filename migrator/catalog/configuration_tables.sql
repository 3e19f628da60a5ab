-- Tables of extensions whose rows are the user's (pg_extension_config_dump), each with its condition, and their sequences, in the
-- extension's order.
SELECT x.extname::text AS extension, n.nspname::text AS namespace, c.relname::text AS name,
       coalesce(x.extcondition[config.place], '') AS condition, c.relkind = 'S' AS is_sequence,
       -- of config.oid, not c.oid: the size of every table would be asked, and each lock waited for
       c.relkind = 'r' AND pg_catalog.pg_relation_size(config.oid) > 0 AS filled
FROM pg_catalog.pg_extension x, unnest(x.extconfig) WITH ORDINALITY config (oid, place)
JOIN (SELECT k.oid, k.relname, k.relnamespace, k.relkind FROM pg_catalog.pg_class k WHERE k.relkind IN ('r', 'S')) c
    ON c.oid = config.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY x.extname, config.place
