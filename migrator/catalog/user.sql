SELECT me.rolname AS name,
       me.rolsuper AS superuser,
       me.rolreplication AS replication,
       me.rolcreatedb AS createdb,
       me.rolcreaterole AS createrole,
       me.rolbypassrls AS bypassrls,
       has_function_privilege('pg_show_replication_origin_status()', 'execute') AS reads_origins,
       has_parameter_privilege('session_replication_role', 'SET') AS acts_as_replica,
       login.rolname AS login,
       login.rolsuper OR login.rolreplication AS login_replicates,
       pg_has_role(login.oid, 'USAGE')
           OR pg_has_role('pg_read_all_stats', 'USAGE') AND pg_has_role('pg_signal_backend', 'USAGE') AS minds_sessions,
       ARRAY(SELECT other.rolname::text FROM pg_roles AS other
             WHERE other.oid <> me.oid AND pg_has_role(other.oid, 'USAGE')) AS member_of,
       ARRAY(SELECT other.rolname::text FROM pg_roles AS other
             WHERE other.oid <> me.oid AND pg_has_role(other.oid, privilege.to_set)) AS can_set
FROM pg_roles AS me
JOIN pg_roles AS login ON login.rolname = session_user
-- Before 16 there is no SET option: who is a member may.
CROSS JOIN (SELECT CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) AS privilege (to_set)
WHERE me.rolname = current_user
