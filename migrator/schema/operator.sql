-- Operators; a shell operator (no function yet) comes with the operator that names it.
SELECT 'operator' AS kind,
       format('%%I.%%s (%%s, %%s)', n.nspname, o.oprname, CASE o.oprleft WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprleft, NULL) END,
              pg_catalog.format_type(o.oprright, NULL)) AS name,
       'operator:' || o.oid AS key,
       format('OPERATOR %%I.%%s (%%s, %%s)', n.nspname, o.oprname,
              CASE o.oprleft WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(o.oprleft, NULL) END,
              pg_catalog.format_type(o.oprright, NULL)) AS comment_on,
       ARRAY[format('CREATE OPERATOR %%I.%%s (%%s)', n.nspname, o.oprname, concat_ws(', ',
           'FUNCTION = ' || o.oprcode,
           'LEFTARG = ' || CASE WHEN o.oprleft <> 0 THEN pg_catalog.format_type(o.oprleft, NULL) END,
           'RIGHTARG = ' || pg_catalog.format_type(o.oprright, NULL),
           (SELECT format('COMMUTATOR = OPERATOR(%%I.%%s)', cn.nspname, c.oprname) FROM pg_catalog.pg_operator c
            JOIN pg_catalog.pg_namespace cn ON cn.oid = c.oprnamespace WHERE c.oid = o.oprcom),
           (SELECT format('NEGATOR = OPERATOR(%%I.%%s)', cn.nspname, c.oprname) FROM pg_catalog.pg_operator c
            JOIN pg_catalog.pg_namespace cn ON cn.oid = c.oprnamespace WHERE c.oid = o.oprnegate),
           CASE WHEN o.oprcanmerge THEN 'MERGES' END, CASE WHEN o.oprcanhash THEN 'HASHES' END,
           'RESTRICT = ' || nullif(o.oprrest, 0)::regproc, 'JOIN = ' || nullif(o.oprjoin, 0)::regproc))] AS statements
FROM pg_catalog.pg_operator o
JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE o.oprcode <> 0 AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_operator'::regclass AND e.objid = o.oid AND e.deptype = 'e')
ORDER BY 2
