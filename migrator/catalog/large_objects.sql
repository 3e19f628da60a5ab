-- How many large objects there are, and the first of those that our user may not read.
SELECT count(*) AS count, coalesce((array_agg(oid::bigint ORDER BY oid) FILTER (WHERE NOT readable))[1:11], '{}') AS unreadable
FROM (SELECT m.oid, current_setting('is_superuser') = 'on' OR current_setting('lo_compat_privileges')::boolean
          OR EXISTS (SELECT FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) a
                     WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE'))) AS readable
      FROM pg_catalog.pg_largeobject_metadata m) found
