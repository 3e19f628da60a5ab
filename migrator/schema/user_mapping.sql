-- User mappings. Their options hold passwords, and never leave the server but through a hole (hidden.py): here are only their
-- names, and a digest of all to tell a difference by. Who may see them is what pg_user_mappings says.
SELECT m.umid::bigint AS oid, m.srvname::text AS server,
       CASE WHEN m.umuser <> 0 THEN m.usename::text END AS role,
       me.rolsuper
           OR m.umuser = me.oid AND (pg_catalog.pg_has_role(s.srvowner, 'USAGE') OR pg_catalog.has_server_privilege(s.oid, 'USAGE'))
           OR m.umuser = 0 AND pg_catalog.pg_has_role(s.srvowner, 'USAGE') AS readable,
       options.names, options.digest
FROM pg_catalog.pg_user_mappings m
JOIN pg_catalog.pg_foreign_server s ON s.oid = m.srvid
JOIN pg_catalog.pg_roles me ON me.rolname = current_user
CROSS JOIN LATERAL (
    SELECT array_agg(o.option_name::text ORDER BY o.option_name) AS names,
           encode(sha256(convert_to(string_agg(format('%%L=%%L', o.option_name, o.option_value), ',' ORDER BY o.option_name), 'UTF8')),
                  'hex') AS digest
    FROM pg_catalog.pg_options_to_table(m.umoptions) o
) options
WHERE %(relations)s::oid[] IS NULL
ORDER BY 2, 3
