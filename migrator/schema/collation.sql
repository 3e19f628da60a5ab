-- Collations. The locale's column is colllocale from 17 on and colliculocale before; ICU rules came with 16.
SELECT 'collation' AS kind, format('%%I.%%I', n.nspname, c.collname) AS name, 'collation:' || c.oid AS key,
       format('COLLATION %%I.%%I', n.nspname, c.collname) AS comment_on,
       ARRAY[format('CREATE COLLATION %%I.%%I (%%s)', n.nspname, c.collname, concat_ws(', ',
           CASE c.collprovider WHEN 'i' THEN 'provider = icu' WHEN 'b' THEN 'provider = builtin' WHEN 'c' THEN 'provider = libc' END,
           CASE WHEN c.collprovider <> 'd' AND NOT c.collisdeterministic THEN 'deterministic = false' END,
           'locale = ' || quote_literal(coalesce(j ->> 'colllocale', j ->> 'colliculocale')),
           'rules = ' || quote_literal(j ->> 'collicurules'),
           CASE WHEN c.collcollate = c.collctype THEN 'locale = ' || quote_literal(c.collcollate)
                ELSE nullif(concat_ws(', ', 'lc_collate = ' || quote_literal(c.collcollate),
                                            'lc_ctype = ' || quote_literal(c.collctype)), '') END))] AS statements
FROM pg_catalog.pg_collation c
JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
CROSS JOIN LATERAL to_jsonb(c) j
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_collation'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY 2
