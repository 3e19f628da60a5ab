-- Rights on settings, as [grantee, privilege, grantable, grantor]; the bootstrap superuser, who owns them all, is the nameless grantor.
SELECT p.parname AS name,
       json_agg(json_build_array(coalesce(r.rolname, ''), e.privilege_type, e.is_grantable,
                                 CASE WHEN g.oid = 10 THEN '' ELSE g.rolname END))::text AS value
FROM pg_parameter_acl AS p
CROSS JOIN LATERAL aclexplode(p.paracl) AS e
LEFT JOIN pg_roles AS r ON r.oid = e.grantee
LEFT JOIN pg_roles AS g ON g.oid = e.grantor
WHERE r.oid IS DISTINCT FROM 10
GROUP BY p.parname
ORDER BY p.parname
