-- Collations. The locale's column is colllocale from 17 on and colliculocale before; ICU rules came with 16.
-- From 16 on CREATE COLLATION keeps an ICU locale as a language tag. What is as somebody wrote it, kept by an older server
-- or by an upgraded one, is spelled LOCALE: spelling.py.
SELECT 'collation' AS kind, format('%%I.%%I', n.nspname, c.collname) AS name, 'collation:' || c.oid AS key,
       format('COLLATION %%I.%%I', n.nspname, c.collname) AS comment_on,
       ARRAY[format('CREATE COLLATION %%I.%%I (%%s)', n.nspname, c.collname, concat_ws(', ',
           CASE c.collprovider WHEN 'i' THEN 'provider = icu' WHEN 'b' THEN 'provider = builtin' WHEN 'c' THEN 'provider = libc' END,
           CASE WHEN c.collprovider <> 'd' AND NOT c.collisdeterministic THEN 'deterministic = false' END,
           CASE WHEN c.collprovider = 'i' AND NOT (j ? 'collicurules'
                     AND icu.locale ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?(-[a-z0-9]+)*$')
                THEN 'LOCALE = ' ELSE 'locale = ' END || quote_literal(icu.locale),
           'rules = ' || quote_literal(j ->> 'collicurules'),
           CASE WHEN c.collcollate = c.collctype THEN 'locale = ' || quote_literal(c.collcollate)
                ELSE nullif(concat_ws(', ', 'lc_collate = ' || quote_literal(c.collcollate),
                                            'lc_ctype = ' || quote_literal(c.collctype)), '') END))] AS statements
FROM pg_catalog.pg_collation c
JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
CROSS JOIN LATERAL to_jsonb(c) j
CROSS JOIN LATERAL (SELECT coalesce(j ->> 'colllocale', j ->> 'colliculocale')) icu (locale)
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_collation'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY 2
