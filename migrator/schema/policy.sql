-- Row security: which tables have it, and their policies.
SELECT * FROM (
    SELECT 'row security of' AS kind, format('%%I.%%I', n.nspname, c.relname) AS name, 'row security:' || c.oid AS key,
           '' AS comment_on, n.nspname::text AS relation_namespace, c.relname::text AS relation_name,
           CASE WHEN c.relrowsecurity
                THEN ARRAY[format('ALTER TABLE %%I.%%I ENABLE ROW LEVEL SECURITY', n.nspname, c.relname)] ELSE '{}' END
           || CASE WHEN c.relforcerowsecurity
                THEN ARRAY[format('ALTER TABLE %%I.%%I FORCE ROW LEVEL SECURITY', n.nspname, c.relname)] ELSE '{}' END AS statements,
           c.oid AS relation, 'pg_catalog.pg_class'::regclass AS classid, c.oid AS objid
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND (c.relrowsecurity OR c.relforcerowsecurity)
      AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator') AND c.oid <> ALL (%(without)s::oid[])
    UNION ALL
    SELECT 'policy', format('%%I ON %%I.%%I', p.polname, n.nspname, c.relname), 'policy:' || p.oid,
           format('POLICY %%I ON %%I.%%I', p.polname, n.nspname, c.relname), n.nspname, c.relname,
           ARRAY[concat_ws(' ', format('CREATE POLICY %%I ON %%I.%%I', p.polname, n.nspname, c.relname),
               CASE WHEN NOT p.polpermissive THEN 'AS RESTRICTIVE' END,
               CASE p.polcmd WHEN 'r' THEN 'FOR SELECT' WHEN 'a' THEN 'FOR INSERT' WHEN 'w' THEN 'FOR UPDATE'
                             WHEN 'd' THEN 'FOR DELETE' END,
               CASE WHEN p.polroles <> '{0}' THEN 'TO ' || (
                   SELECT string_agg(CASE r.oid WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_catalog.pg_get_userbyid(r.oid)) END, ', '
                                     ORDER BY pg_catalog.pg_get_userbyid(r.oid))
                   FROM unnest(p.polroles) r (oid)) END,
               'USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
               'WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')')],
           c.oid, 'pg_catalog.pg_policy'::regclass, p.oid
    FROM pg_catalog.pg_policy p
    JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
      -- here, before an expression is spelled: that waits for the tables in it
      AND c.oid <> ALL (%(without)s::oid[])
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend u
                      WHERE u.classid = 'pg_catalog.pg_policy'::regclass AND u.objid = p.oid
                        AND u.refclassid = 'pg_catalog.pg_class'::regclass AND u.refobjid = ANY (%(without)s::oid[]))
) found
WHERE (%(relations)s::oid[] IS NULL OR relation = ANY (%(relations)s::oid[]))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.deptype = 'e' AND (e.classid = found.classid AND e.objid = found.objid
                                             OR e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = found.relation))
ORDER BY 1 DESC, 2
