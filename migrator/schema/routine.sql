-- Functions, procedures and aggregates.
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
       p.oid::regprocedure::text AS name, 'proc:' || p.oid AS key,
       'ROUTINE ' || p.oid::regprocedure AS comment_on,
       ARRAY[CASE WHEN p.prokind <> 'a' THEN rtrim(pg_catalog.pg_get_functiondef(p.oid), E'\n') ELSE format(
           'CREATE AGGREGATE %%I.%%I(%%s) (%%s)', n.nspname, p.proname,
           coalesce(nullif(pg_catalog.pg_get_function_arguments(p.oid), ''), '*'),
           concat_ws(', ',
               'SFUNC = ' || g.aggtransfn::regproc,
               'STYPE = ' || pg_catalog.format_type(g.aggtranstype, NULL),
               'SSPACE = ' || nullif(g.aggtransspace, 0),
               'FINALFUNC = ' || nullif(g.aggfinalfn, 0)::regproc,
               CASE WHEN g.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
               CASE WHEN g.aggfinalfn <> 0 THEN 'FINALFUNC_MODIFY = ' || CASE g.aggfinalmodify
                   WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
               'COMBINEFUNC = ' || nullif(g.aggcombinefn, 0)::regproc,
               'SERIALFUNC = ' || nullif(g.aggserialfn, 0)::regproc,
               'DESERIALFUNC = ' || nullif(g.aggdeserialfn, 0)::regproc,
               'INITCOND = ' || quote_literal(g.agginitval),
               'MSFUNC = ' || nullif(g.aggmtransfn, 0)::regproc,
               'MINVFUNC = ' || nullif(g.aggminvtransfn, 0)::regproc,
               CASE WHEN g.aggmtranstype <> 0 THEN 'MSTYPE = ' || pg_catalog.format_type(g.aggmtranstype, NULL) END,
               'MSSPACE = ' || nullif(g.aggmtransspace, 0),
               'MFINALFUNC = ' || nullif(g.aggmfinalfn, 0)::regproc,
               CASE WHEN g.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
               CASE WHEN g.aggmfinalfn <> 0 THEN 'MFINALFUNC_MODIFY = ' || CASE g.aggmfinalmodify
                   WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
               'MINITCOND = ' || quote_literal(g.aggminitval),
               (SELECT format('SORTOP = OPERATOR(%%I.%%s)', so.nspname, s.oprname)
                FROM pg_catalog.pg_operator s JOIN pg_catalog.pg_namespace so ON so.oid = s.oprnamespace
                WHERE s.oid = g.aggsortop),
               CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END,
               CASE WHEN g.aggkind = 'h' THEN 'HYPOTHETICAL' END)) END]
           || array(SELECT format('ALTER ROUTINE %%s DEPENDS ON EXTENSION %%I', p.oid::regprocedure, name)
                    FROM unnest(extensions.names) name) AS statements
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN pg_catalog.pg_aggregate g ON g.aggfnoid = p.oid
LEFT JOIN (SELECT d.objid, array_agg(e.extname ORDER BY e.extname) AS names
           FROM pg_catalog.pg_extension e
           JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
           WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.deptype = 'x' GROUP BY d.objid) extensions ON extensions.objid = p.oid
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  -- an extension's, or brought along by a range type
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid AND e.deptype IN ('e', 'i'))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend u
                  WHERE u.classid = 'pg_catalog.pg_proc'::regclass AND u.objid = p.oid
                    AND u.refclassid = 'pg_catalog.pg_class'::regclass AND u.refobjid = ANY (%(without)s::oid[]))
ORDER BY 1, 2
