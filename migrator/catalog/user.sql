SELECT rolname AS name,
       rolsuper AS superuser,
       rolreplication AS replication,
       rolcreatedb AS createdb,
       rolcreaterole AS createrole,
       rolbypassrls AS bypassrls,
       has_function_privilege('pg_show_replication_origin_status()', 'execute') AS reads_origins,
       ARRAY(SELECT other.rolname::text FROM pg_roles AS other
             WHERE other.oid <> me.oid AND pg_has_role(other.oid, 'USAGE')) AS member_of,
       ARRAY(SELECT other.rolname::text FROM pg_roles AS other
             WHERE other.oid <> me.oid AND pg_has_role(other.oid, 'MEMBER')) AS can_set
FROM pg_roles AS me
WHERE rolname = current_user
