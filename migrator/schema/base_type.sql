-- Base types, and shells without one. Their functions need the type: it is made as a shell first, and completed after them.
SELECT 'type' AS kind, format('%%I.%%I', n.nspname, t.typname) AS name, 'type:' || t.oid AS key,
       format('TYPE %%I.%%I', n.nspname, t.typname) AS comment_on,
       ARRAY[format('CREATE TYPE %%I.%%I', n.nspname, t.typname)] AS provisional,
       ARRAY[format('CREATE TYPE %%I.%%I', n.nspname, t.typname) || CASE WHEN t.typisdefined THEN format(' (%%s)', concat_ws(', ',
           'INPUT = ' || t.typinput, 'OUTPUT = ' || t.typoutput,
           'RECEIVE = ' || nullif(t.typreceive, 0)::regproc, 'SEND = ' || nullif(t.typsend, 0)::regproc,
           'TYPMOD_IN = ' || nullif(t.typmodin, 0)::regproc, 'TYPMOD_OUT = ' || nullif(t.typmodout, 0)::regproc,
           'ANALYZE = ' || nullif(t.typanalyze, 0)::regproc, 'SUBSCRIPT = ' || nullif(t.typsubscript, 0)::regproc,
           'INTERNALLENGTH = ' || CASE t.typlen WHEN -1 THEN 'VARIABLE' ELSE t.typlen::text END,
           CASE WHEN t.typbyval THEN 'PASSEDBYVALUE' END,
           'ALIGNMENT = ' || CASE t.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2' WHEN 'd' THEN 'double' ELSE 'int4' END,
           'STORAGE = ' || CASE t.typstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END,
           'CATEGORY = ' || quote_literal(t.typcategory::text), CASE WHEN t.typispreferred THEN 'PREFERRED = true' END,
           'DEFAULT = ' || quote_literal(t.typdefault),
           'ELEMENT = ' || CASE WHEN t.typelem <> 0 THEN pg_catalog.format_type(t.typelem, NULL) END,
           'DELIMITER = ' || quote_literal(nullif(t.typdelim::text, ',')),
           CASE WHEN t.typcollation <> 0 THEN 'COLLATABLE = true' END)) ELSE '' END] AS statements
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE (t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid) OR t.typtype = 'p' AND NOT t.typisdefined)
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e')
ORDER BY 2
