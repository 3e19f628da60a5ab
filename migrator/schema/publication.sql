-- The source's own publications; ours are told by their name. 18 publishes generated columns where asked (pubgencols).
SELECT 'publication' AS kind, quote_ident(p.pubname) AS name, 'publication:' || p.oid AS key,
       format('PUBLICATION %%I', p.pubname) AS comment_on,
       ARRAY[concat_ws(' ', format('CREATE PUBLICATION %%I', p.pubname),
           CASE WHEN p.puballtables THEN 'FOR ALL TABLES' ELSE (
               SELECT 'FOR ' || string_agg(member, ', ' ORDER BY member) FROM (
                   SELECT format('TABLE ONLY %%I.%%I%%s%%s', n.nspname, c.relname,
                              (SELECT format(' (%%s)', string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum))
                               FROM pg_catalog.pg_attribute a
                               WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs::int2[]) HAVING count(*) > 0),
                              ' WHERE (' || pg_catalog.pg_get_expr(r.prqual, r.prrelid) || ')')
                   FROM pg_catalog.pg_publication_rel r
                   JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE r.prpubid = p.oid
                   UNION ALL
                   SELECT format('TABLES IN SCHEMA %%I', n.nspname)
                   FROM pg_catalog.pg_publication_namespace s
                   JOIN pg_catalog.pg_namespace n ON n.oid = s.pnnspid
                   WHERE s.pnpubid = p.oid
               ) members (member)) END,
           format('WITH (publish = %%L, publish_via_partition_root = %%s%%s)',
               concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
                         CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
               p.pubviaroot::text,
               CASE to_jsonb(p) ->> 'pubgencols' WHEN 's' THEN ', publish_generated_columns = stored' END))] AS statements
FROM pg_catalog.pg_publication p
WHERE p.pubname !~ '^migrator_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_publication'::regclass AND e.objid = p.oid AND e.deptype = 'e')
ORDER BY 2
