-- Foreign-data wrappers and servers.
SELECT * FROM (
    SELECT 1 AS rank, 'foreign-data wrapper' AS kind, quote_ident(w.fdwname) AS name, 'foreign_data_wrapper:' || w.oid AS key,
           format('FOREIGN DATA WRAPPER %%I', w.fdwname) AS comment_on,
           ARRAY[concat_ws(' ', format('CREATE FOREIGN DATA WRAPPER %%I', w.fdwname),
               'HANDLER ' || nullif(w.fdwhandler, 0)::regproc, 'VALIDATOR ' || nullif(w.fdwvalidator, 0)::regproc,
               (SELECT format('OPTIONS (%%s)', string_agg(format('%%I %%L', o.option_name, o.option_value), ', ' ORDER BY o.option_name))
                FROM pg_catalog.pg_options_to_table(w.fdwoptions) o HAVING count(*) > 0))] AS statements,
           'pg_catalog.pg_foreign_data_wrapper'::regclass AS classid, w.oid AS objid
    FROM pg_catalog.pg_foreign_data_wrapper w
    UNION ALL
    SELECT 2, 'foreign server', quote_ident(s.srvname), 'foreign_server:' || s.oid, format('SERVER %%I', s.srvname),
           ARRAY[concat_ws(' ', format('CREATE SERVER %%I', s.srvname), 'TYPE ' || quote_literal(s.srvtype),
               'VERSION ' || quote_literal(s.srvversion), format('FOREIGN DATA WRAPPER %%I', w.fdwname),
               (SELECT format('OPTIONS (%%s)', string_agg(format('%%I %%L', o.option_name, o.option_value), ', ' ORDER BY o.option_name))
                FROM pg_catalog.pg_options_to_table(s.srvoptions) o HAVING count(*) > 0))],
           'pg_catalog.pg_foreign_server'::regclass, s.oid
    FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
) found
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = found.classid AND e.objid = found.objid AND e.deptype = 'e')
ORDER BY rank, name
