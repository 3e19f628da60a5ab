SELECT r.rolname AS name,
       r.rolsuper AS superuser,
       r.rolinherit AS inherit,
       r.rolcreaterole AS createrole,
       r.rolcreatedb AS createdb,
       r.rolcanlogin AS login,
       r.rolreplication AS replication,
       r.rolbypassrls AS bypassrls,
       r.rolconnlimit AS connection_limit,
       CASE WHEN isfinite(r.rolvaliduntil)
            THEN to_char(r.rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'
            ELSE r.rolvaliduntil::text END AS valid_until,
       NULL::boolean AS has_password,
       NULL::boolean AS md5_password,
       NULL::text AS password_digest,
       shobj_description(r.oid, 'pg_authid') AS comment,
       r.oid = 10 AS bootstrap
FROM pg_roles AS r
ORDER BY r.rolname
