-- Tablespaces with their rights, as [grantee, privilege, grantable, grantor]: who gave them does not matter here, and is left nameless.
SELECT t.spcname AS name,
       coalesce(json_agg(json_build_array(coalesce(r.rolname, ''), e.privilege_type, e.is_grantable, ''))
                FILTER (WHERE e.grantee IS NOT NULL), '[]')::text AS value
FROM pg_tablespace AS t
LEFT JOIN LATERAL aclexplode(coalesce(t.spcacl, acldefault('t', t.spcowner))) AS e ON true
LEFT JOIN pg_roles AS r ON r.oid = e.grantee
GROUP BY t.oid, t.spcname
ORDER BY t.spcname
