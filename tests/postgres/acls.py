"""An oracle of its own: every ACL of every catalog, taken apart by PostgreSQL itself.

Multirange types are left out: their rights are their range's, and before 17 they did not follow its owner.
"""

from migrator.machines.cluster import Cluster

_OBJECTS = """
WITH object (class, oid, sub, owner, acl, builtin) AS (
    SELECT 'pg_class'::regclass, oid, 0, relowner, relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner)
    FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, a.attnum, relowner, attacl, acldefault('c', relowner)
    FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
    WHERE NOT attisdropped AND (attacl IS NOT NULL OR EXISTS (SELECT FROM pg_init_privs i WHERE i.objoid = c.oid AND i.objsubid = attnum))
    UNION ALL
    SELECT 'pg_namespace'::regclass, oid, 0, nspowner, nspacl, acldefault('n', nspowner) FROM pg_namespace
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, proowner, proacl, acldefault('f', proowner) FROM pg_proc
    UNION ALL
    SELECT 'pg_type'::regclass, oid, 0, typowner, typacl, acldefault('T', typowner) FROM pg_type
    WHERE typcategory <> 'A' AND typtype <> 'm'
      AND (typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND relkind = 'c'))
    UNION ALL
    SELECT 'pg_language'::regclass, oid, 0, lanowner, lanacl, acldefault('l', lanowner) FROM pg_language
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwowner, fdwacl, acldefault('F', fdwowner) FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, oid, 0, srvowner, srvacl, acldefault('S', srvowner) FROM pg_foreign_server
), own AS (
    SELECT o.*, NOT (o.oid < 16384 AND NOT (class = 'pg_namespace'::regclass AND o.oid = 'public'::regnamespace))
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = o.oid AND d.deptype = 'e') AS users
    FROM object o
    WHERE (pg_identify_object(class, o.oid, 0)).schema IS DISTINCT FROM 'migrator'
      AND (pg_identify_object(class, o.oid, 0)).identity <> 'migrator'
      AND (pg_identify_object(class, o.oid, 0)).schema IS DISTINCT FROM 'pg_toast'
), exploded AS (
    SELECT o.class::text AS class, (pg_identify_object(class, oid, sub)).identity AS identity, pg_get_userbyid(owner) AS owner,
        users, which, pg_get_userbyid(e.grantor) AS grantor, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END AS grantee,
        e.privilege_type, e.is_grantable AND e.grantee <> owner AS grantable
    FROM own o
    CROSS JOIN LATERAL (
        VALUES ('now', coalesce(acl, builtin)),
               ('initial', CASE WHEN NOT users THEN coalesce((SELECT initprivs FROM pg_init_privs i WHERE (i.classoid, i.objoid, i.objsubid)
                                                              = (o.class, o.oid, o.sub)), builtin) END)
    ) each (which, acl)
    CROSS JOIN LATERAL aclexplode(each.acl) e
    WHERE users OR o.acl IS NOT NULL OR o.sub > 0
)
"""

RIGHTS = (
    _OBJECTS
    + """
SELECT class, identity, owner, '' AS change, grantor, grantee, privilege_type, grantable FROM exploded WHERE users
UNION ALL
(SELECT class, identity, '', 'given', grantor, grantee, privilege_type, grantable FROM exploded WHERE NOT users AND which = 'now'
 EXCEPT ALL
 SELECT class, identity, '', 'given', grantor, grantee, privilege_type, grantable FROM exploded WHERE NOT users AND which = 'initial')
UNION ALL
(SELECT class, identity, '', 'taken', grantor, grantee, privilege_type, grantable FROM exploded WHERE NOT users AND which = 'initial'
 EXCEPT ALL
 SELECT class, identity, '', 'taken', grantor, grantee, privilege_type, grantable FROM exploded WHERE NOT users AND which = 'now')
UNION ALL
SELECT 'default ' || defaclobjtype::text, defaclnamespace::regnamespace::text, pg_get_userbyid(defaclrole), '', pg_get_userbyid(e.grantor),
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END, e.privilege_type, e.is_grantable AND e.grantee <> defaclrole
FROM pg_default_acl, aclexplode(defaclacl) e
UNION ALL
SELECT 'owner', (pg_identify_object(s.classid, s.objid, 0)).identity, pg_get_userbyid(s.refobjid), '', '', '', '', false
FROM pg_shdepend s
WHERE s.deptype = 'o' AND s.objid NOT IN (SELECT oid FROM pg_type WHERE typtype = 'm')
  AND s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
)

Right = tuple[object, ...]


def rights(cluster: Cluster, database: str, *, maintain: bool = True) -> set[Right]:
    """(class, identity, owner, change since it was made, grantor, grantee, privilege, grantable) of everything in a database.

    `maintain` false leaves out MAINTAIN, which sources before 17 do not know: who owns a table has it on 18. Identities
    are without quotes: which words need them, each version sees otherwise.
    """
    rows = ((*row[:1], str(row[1]).replace('"', ""), *row[2:]) for row in cluster.execute(RIGHTS, database))
    return {row for row in rows if maintain or row[6] != "MAINTAIN"}
