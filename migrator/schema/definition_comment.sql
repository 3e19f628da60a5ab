-- Comments on whole objects of the rooms of definitions, by the address of the object in pg_depend's terms.
SELECT CASE d.classoid WHEN 'pg_catalog.pg_class'::regclass THEN 'class'
            ELSE regexp_replace(k.relname, '^pg_', '') END || ':' || d.objoid AS key,
       d.description AS text
FROM pg_catalog.pg_description d
JOIN pg_catalog.pg_class k ON k.oid = d.classoid
WHERE d.objsubid = 0 AND d.objoid >= 16384
  AND (%(relations)s::oid[] IS NULL
       OR d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = ANY (%(relations)s::oid[])
       OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE k.relname = 'pg_trigger' AND t.oid = d.objoid
                  AND t.tgrelid = ANY (%(relations)s::oid[]))
       OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE k.relname = 'pg_rewrite' AND r.oid = d.objoid
                  AND r.ev_class = ANY (%(relations)s::oid[]))
       OR EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE k.relname = 'pg_policy' AND p.oid = d.objoid
                  AND p.polrelid = ANY (%(relations)s::oid[]))
       OR EXISTS (SELECT FROM pg_catalog.pg_statistic_ext s WHERE k.relname = 'pg_statistic_ext' AND s.oid = d.objoid
                  AND s.stxrelid = ANY (%(relations)s::oid[])))
  AND (d.classoid = 'pg_catalog.pg_class'::regclass AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = d.objoid AND c.relkind IN ('v', 'm'))
       OR k.relname IN ('pg_proc', 'pg_operator', 'pg_opfamily', 'pg_opclass', 'pg_cast', 'pg_conversion', 'pg_collation', 'pg_ts_parser',
                        'pg_ts_template', 'pg_ts_dict', 'pg_ts_config', 'pg_language', 'pg_am', 'pg_transform', 'pg_foreign_data_wrapper',
                        'pg_foreign_server', 'pg_trigger', 'pg_rewrite', 'pg_policy', 'pg_statistic_ext', 'pg_publication', 'pg_event_trigger'))
ORDER BY 1
