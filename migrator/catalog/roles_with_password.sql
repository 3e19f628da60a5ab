-- As roles.sql, for those who may read two columns of pg_authid (instance.sql asks). The verifier itself stays on the server; its
-- digest tells whether two are one.
SELECT rolname AS name,
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
       a.rolpassword IS NOT NULL AS has_password,
       coalesce(a.rolpassword ~ '^md5[0-9a-f]{32}$', false) AS md5_password,
       left(encode(sha256(convert_to(a.rolpassword, 'UTF8')), 'hex'), 16) AS password_digest,
       shobj_description(r.oid, 'pg_authid') AS comment,
       r.oid = 10 AS bootstrap
FROM pg_roles AS r
JOIN pg_authid AS a USING (rolname)
ORDER BY rolname
