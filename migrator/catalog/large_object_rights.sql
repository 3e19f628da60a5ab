-- Every large object with owner, comment and rights, as [grantee, privilege, grantable]: who gave them does not matter here. In the order of oid.
SELECT m.oid::bigint AS oid, pg_get_userbyid(m.lomowner)::text AS owner, obj_description(m.oid, 'pg_largeobject') AS comment,
       (SELECT coalesce(json_agg(json_build_array(coalesce(r.rolname, ''), a.privilege_type, a.is_grantable)), '[]')
        FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
        WHERE a.grantee = 0 OR r.oid IS NOT NULL)::text AS acl
FROM pg_catalog.pg_largeobject_metadata m
ORDER BY m.oid
