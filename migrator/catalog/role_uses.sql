-- Ownership, ACLs, default privileges and policies: all of them leave a row in pg_shdepend. The bootstrap superuser's do not.
SELECT DISTINCT pg_get_userbyid(s.refobjid) AS role, d.datname AS database
FROM pg_shdepend AS s
JOIN pg_database AS d ON d.oid = CASE WHEN s.dbid <> 0 THEN s.dbid
                                      WHEN s.classid = 'pg_database'::regclass THEN s.objid END
WHERE s.refclassid = 'pg_authid'::regclass
UNION
SELECT pg_get_userbyid(s.setrole), d.datname
FROM pg_db_role_setting AS s
JOIN pg_database AS d ON d.oid = s.setdatabase
WHERE s.setrole <> 0
