-- Owners and access privileges of what we carry, a row per object (of kinds without rights: the owner); of columns only those that have an ACL of their own.
-- A row of kind DEFAULT is one of default privileges; only these have `builtin`, what holds without that row.
-- `acl` is what is allowed (the built-in default where the catalog says NULL: `defaulted`), as [grantee, privilege, grantable, grantor].
-- What initdb or an extension made has a `maker` and its `initial` rights, and a row only where it has an ACL (else: untouched.sql).
WITH namespace AS (
    SELECT oid, nspname, nspowner, nspacl
    FROM pg_catalog.pg_namespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND nspname !~ '^pg_(toast|temp)'
), made AS (
    SELECT oid, nspname, nspname IN ('pg_catalog', 'information_schema') AS by_initdb
    FROM pg_catalog.pg_namespace
    WHERE nspname <> 'migrator' AND nspname !~ '^pg_(toast|temp)'
), member AS (
    SELECT d.classid, d.objid, 'extension ' || x.extname AS maker
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
), relation AS (
    SELECT c.oid, c.relkind, c.relowner, c.relacl, format('%%I.%%I', n.nspname, c.relname) AS identity,
        CASE WHEN c.relkind = 'S' THEN
            (SELECT d.refobjid FROM pg_catalog.pg_depend d
             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
               AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0
               AND d.deptype IN ('a', 'i') LIMIT 1) END AS owned_by
    FROM pg_catalog.pg_class c JOIN made n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND (NOT n.by_initdb OR %(relations)s::oid[] IS NULL)
), object AS (
    SELECT 1 AS rank, 'SCHEMA' AS kind, 'pg_catalog.pg_namespace'::regclass AS class, n.oid, quote_ident(n.nspname) AS identity,
        NULL AS column_name, NULL::int AS attnum, n.nspowner AS owner, false AS follows, n.nspacl AS acl, acldefault('n', n.nspowner) AS builtin
    FROM pg_catalog.pg_namespace n
    WHERE n.oid IN (SELECT oid FROM made) AND %(relations)s::oid[] IS NULL
    UNION ALL
    SELECT 2, 'TYPE', 'pg_catalog.pg_type'::regclass, t.oid, format('%%I.%%I', n.nspname, t.typname),
        NULL, NULL, t.typowner, false, t.typacl, acldefault('T', t.typowner)
    FROM pg_catalog.pg_type t JOIN made n ON n.oid = t.typnamespace
    WHERE (NOT n.by_initdb OR t.typacl IS NOT NULL) AND %(relations)s::oid[] IS NULL AND t.typtype IN ('b', 'c', 'd', 'e', 'r')
      AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
    UNION ALL
    -- a range type's constructors are made with it and keep their maker; pg_dump forgets what was granted on them
    SELECT 3, 'ROUTINE', 'pg_catalog.pg_proc'::regclass, p.oid, p.oid::regprocedure::text,
        NULL, NULL, p.proowner, part.of_type, p.proacl, acldefault('f', p.proowner)
    FROM pg_catalog.pg_proc p JOIN made n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass
                                       AND d.objid = p.oid AND d.deptype = 'i') AS of_type) part
    WHERE (NOT n.by_initdb OR p.proacl IS NOT NULL) AND %(relations)s::oid[] IS NULL AND (p.oid >= 16384 OR NOT part.of_type)
    UNION ALL
    SELECT 4, CASE r.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
              WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
        'pg_catalog.pg_class'::regclass, r.oid, r.identity, NULL, NULL, r.relowner, r.owned_by IS NOT NULL, r.relacl,
        acldefault(CASE r.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, r.relowner)
    FROM relation r
    WHERE %(relations)s::oid[] IS NULL OR coalesce(r.owned_by, r.oid) = ANY (%(relations)s::oid[])
    UNION ALL
    SELECT 5, 'COLUMN', 'pg_catalog.pg_class'::regclass, r.oid, r.identity, a.attname::text, a.attnum, r.relowner, true, a.attacl,
        acldefault('c', r.relowner)
    FROM relation r JOIN (
        SELECT attrelid, attnum, attname, attacl FROM pg_catalog.pg_attribute WHERE attacl IS NOT NULL AND NOT attisdropped
        UNION ALL
        -- a column that has lost all it was made with has no ACL again
        SELECT a.attrelid, a.attnum, a.attname, a.attacl
        FROM pg_catalog.pg_init_privs i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.objoid AND a.attnum = i.objsubid
        WHERE i.classoid = 'pg_catalog.pg_class'::regclass AND i.objsubid > 0 AND i.objoid < 16384
          AND a.attacl IS NULL AND NOT a.attisdropped
    ) a ON a.attrelid = r.oid
    WHERE (%(relations)s::oid[] IS NULL OR r.oid = ANY (%(relations)s::oid[]))
    UNION ALL
    -- languages that every database has keep their owner: the bootstrap superuser, whatever its name
    SELECT 3, 'LANGUAGE', 'pg_catalog.pg_language'::regclass, l.oid, quote_ident(l.lanname), NULL, NULL, l.lanowner, l.oid < 16384,
        l.lanacl, acldefault('l', l.lanowner)
    FROM pg_catalog.pg_language l WHERE %(relations)s::oid[] IS NULL
    UNION ALL
    SELECT 3, 'FOREIGN DATA WRAPPER', 'pg_catalog.pg_foreign_data_wrapper'::regclass, w.oid, quote_ident(w.fdwname), NULL, NULL,
        w.fdwowner, false, w.fdwacl, acldefault('F', w.fdwowner)
    FROM pg_catalog.pg_foreign_data_wrapper w WHERE %(relations)s::oid[] IS NULL
    UNION ALL
    SELECT 3, 'SERVER', 'pg_catalog.pg_foreign_server'::regclass, s.oid, quote_ident(s.srvname), NULL, NULL,
        s.srvowner, false, s.srvacl, acldefault('S', s.srvowner)
    FROM pg_catalog.pg_foreign_server s WHERE %(relations)s::oid[] IS NULL
    UNION ALL
    SELECT 3, x.kind, x.class, x.oid, x.identity, NULL, NULL, x.owner, false, NULL, NULL
    FROM (SELECT 'COLLATION' AS kind, 'pg_catalog.pg_collation'::regclass AS class, c.oid, c.collowner AS owner,
                 format('%%I.%%I', n.nspname, c.collname) AS identity
          FROM pg_catalog.pg_collation c JOIN namespace n ON n.oid = c.collnamespace
          UNION ALL
          SELECT 'CONVERSION', 'pg_catalog.pg_conversion'::regclass, c.oid, c.conowner, format('%%I.%%I', n.nspname, c.conname)
          FROM pg_catalog.pg_conversion c JOIN namespace n ON n.oid = c.connamespace
          UNION ALL
          SELECT 'OPERATOR', 'pg_catalog.pg_operator'::regclass, o.oid, o.oprowner,
                 format('%%I.%%s (%%s, %%s)', n.nspname, o.oprname,
                        CASE o.oprleft WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprleft, NULL) END,
                        pg_catalog.format_type(o.oprright, NULL))
          FROM pg_catalog.pg_operator o JOIN namespace n ON n.oid = o.oprnamespace WHERE o.oprcode <> 0
          UNION ALL
          SELECT 'OPERATOR FAMILY', 'pg_catalog.pg_opfamily'::regclass, f.oid, f.opfowner,
                 format('%%I.%%I USING %%I', n.nspname, f.opfname, a.amname)
          FROM pg_catalog.pg_opfamily f JOIN namespace n ON n.oid = f.opfnamespace
          JOIN pg_catalog.pg_am a ON a.oid = f.opfmethod
          UNION ALL
          SELECT 'OPERATOR CLASS', 'pg_catalog.pg_opclass'::regclass, c.oid, c.opcowner,
                 format('%%I.%%I USING %%I', n.nspname, c.opcname, a.amname)
          FROM pg_catalog.pg_opclass c JOIN namespace n ON n.oid = c.opcnamespace
          JOIN pg_catalog.pg_am a ON a.oid = c.opcmethod
          UNION ALL
          SELECT 'TEXT SEARCH DICTIONARY', 'pg_catalog.pg_ts_dict'::regclass, d.oid, d.dictowner, format('%%I.%%I', n.nspname, d.dictname)
          FROM pg_catalog.pg_ts_dict d JOIN namespace n ON n.oid = d.dictnamespace
          UNION ALL
          SELECT 'TEXT SEARCH CONFIGURATION', 'pg_catalog.pg_ts_config'::regclass, c.oid, c.cfgowner, format('%%I.%%I', n.nspname, c.cfgname)
          FROM pg_catalog.pg_ts_config c JOIN namespace n ON n.oid = c.cfgnamespace
          UNION ALL
          SELECT 'STATISTICS', 'pg_catalog.pg_statistic_ext'::regclass, s.oid, s.stxowner, format('%%I.%%I', n.nspname, s.stxname)
          FROM pg_catalog.pg_statistic_ext s JOIN namespace n ON n.oid = s.stxnamespace
          UNION ALL
          SELECT 'PUBLICATION', 'pg_catalog.pg_publication'::regclass, p.oid, p.pubowner, quote_ident(p.pubname)
          FROM pg_catalog.pg_publication p WHERE p.pubname !~ '^migrator_'
          UNION ALL
          SELECT 'EVENT TRIGGER', 'pg_catalog.pg_event_trigger'::regclass, t.oid, t.evtowner, quote_ident(t.evtname)
          FROM pg_catalog.pg_event_trigger t
    ) x
    WHERE %(relations)s::oid[] IS NULL
    UNION ALL
    SELECT 6, 'DEFAULT', 'pg_catalog.pg_default_acl'::regclass, d.oid,
        'FOR ROLE ' || quote_ident(pg_get_userbyid(d.defaclrole)) || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), ''),
        CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
            WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
        NULL, d.defaclrole, true, d.defaclacl,
        CASE WHEN d.defaclnamespace = 0
             THEN acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole) END
    FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
    WHERE %(relations)s::oid[] IS NULL
), carried AS MATERIALIZED (
    SELECT o.rank, o.kind, o.oid, o.identity, o.column_name, o.owner, o.follows OR maker.name IS NOT NULL AS follows,
        o.acl IS NULL AS defaulted, coalesce(o.acl, o.builtin) AS acl, CASE WHEN o.kind = 'DEFAULT' THEN o.builtin END AS builtin,
        maker.name AS maker,
        CASE WHEN maker.name IS NOT NULL THEN
            coalesce((SELECT i.initprivs FROM pg_catalog.pg_init_privs i
                      WHERE i.classoid = o.class AND i.objoid = o.oid AND i.objsubid = coalesce(o.attnum, 0)),
                     -- initdb grants these only after it has filled pg_init_privs
                     CASE WHEN o.oid < 16384 AND o.kind = 'SCHEMA' THEN o.builtin || makeaclitem(0, o.owner, 'USAGE', false)
                          WHEN o.oid < 16384 AND o.kind IN ('TABLE', 'VIEW') THEN o.builtin || makeaclitem(0, o.owner, 'SELECT', false)
                          ELSE o.builtin END)
        END AS initial
    FROM object o
    LEFT JOIN member m ON m.classid = o.class AND m.objid = o.oid
    CROSS JOIN LATERAL (SELECT coalesce(m.maker, CASE WHEN o.oid < 16384 AND o.identity <> 'public' THEN 'PostgreSQL' END)) maker (name)
    WHERE maker.name IS NULL OR o.acl IS NOT NULL OR o.kind = 'COLUMN'
), list AS (
    -- thousands of objects share a few lists
    SELECT each.acl, coalesce(json_agg(json_build_array(coalesce(r.rolname, ''), e.privilege_type, e.is_grantable,
                                                        coalesce(g.rolname, '')))
                              FILTER (WHERE e.grantee = 0 OR r.oid IS NOT NULL), '[]')::text AS text
    FROM (SELECT acl FROM carried UNION SELECT builtin FROM carried WHERE builtin IS NOT NULL
          UNION SELECT initial FROM carried WHERE initial IS NOT NULL) AS each
    LEFT JOIN LATERAL aclexplode(each.acl) e ON true
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = e.grantee
    LEFT JOIN pg_catalog.pg_roles g ON g.oid = e.grantor
    GROUP BY each.acl
)
SELECT c.kind, c.oid::bigint AS oid, c.identity, c.column_name, pg_get_userbyid(c.owner) AS owner, c.follows AS follows_table,
    c.defaulted, coalesce(list.text, '[]') AS acl, coalesce(builtin.text, '[]') AS builtin, c.maker,
    coalesce(initial.text, '[]') AS initial
FROM carried c
LEFT JOIN list ON list.acl = c.acl
LEFT JOIN list AS builtin ON builtin.acl = c.builtin
LEFT JOIN list AS initial ON initial.acl = c.initial
ORDER BY c.rank, c.identity, c.column_name
