-- What a destination database needs whose source is gone, by its own catalogs alone, as statements:
-- `sequence`: moves one past the ids that are in use, forward only, by the columns that it is for;
-- `standing`: one that no integer column tells of; `trigger`: disabled here, and perhaps not on the source.
WITH ties AS (
    -- identity and serial columns, and any other whose default takes it
    SELECT objid AS sequence, refobjid AS relation, refobjsubid AS number FROM pg_depend
    WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND refobjsubid > 0 AND deptype IN ('a', 'i')
    UNION
    SELECT d.refobjid, f.adrelid, f.adnum FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
    WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid = 0
), columns AS (
    SELECT t.sequence, n.nspname, c.relname, a.attname
    FROM ties t
    JOIN pg_class c ON c.oid = t.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.relation AND a.attnum = t.number
    JOIN pg_type y ON y.oid = a.atttypid
    WHERE c.relkind IN ('r', 'p')
      AND CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
      -- the rows of a partition are read with those of its parent
      AND NOT EXISTS (SELECT FROM ties up WHERE up.sequence = t.sequence AND up.relation <> t.relation
                      AND up.relation IN (SELECT relid FROM pg_partition_ancestors(t.relation)))
), sequences AS (
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, s.seqincrement > 0 AS forward
    FROM pg_sequence s
    JOIN pg_class c ON c.oid = s.seqrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND c.relpersistence <> 't'
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_class'::regclass AND e.objid = c.oid)
), used AS (
    SELECT s.oid, s.name, s.forward,
           string_agg(format('(SELECT %s(%I)::bigint FROM %I.%I)', CASE WHEN s.forward THEN 'max' ELSE 'min' END,
                             c.attname, c.nspname, c.relname), ', ' ORDER BY c.nspname, c.relname, c.attname) AS ids
    FROM sequences s JOIN columns c ON c.sequence = s.oid
    GROUP BY s.oid, s.name, s.forward
)
SELECT 'sequence' AS kind, name,
       format('SELECT setval(%L, ids.last) FROM (SELECT %s(%s) AS last) AS ids, %s AS s'
              ' WHERE ids.last %s s.last_value OR (ids.last = s.last_value AND NOT s.is_called);',
              name, CASE WHEN forward THEN 'greatest' ELSE 'least' END, ids, name, CASE WHEN forward THEN '>' ELSE '<' END) AS sentence
FROM used
UNION ALL
SELECT 'standing', name,
       format('SELECT setval(%L, %s);', name,
              coalesce(CASE WHEN has_sequence_privilege(oid, 'SELECT') THEN pg_sequence_last_value(oid) END::text, 'VALUE'))
FROM sequences WHERE oid NOT IN (SELECT oid FROM used)
UNION ALL
SELECT 'trigger', format('%I.%I %I', n.nspname, c.relname, t.tgname),
       format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER %I;', n.nspname, c.relname, t.tgname)
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_trigger up ON up.oid = t.tgparentid
WHERE t.tgenabled = 'D' AND NOT t.tgisinternal AND (t.tgparentid = 0 OR up.tgenabled <> 'D')
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e'
                  AND (e.classid = 'pg_class'::regclass AND e.objid = c.oid OR e.classid = 'pg_trigger'::regclass AND e.objid = t.oid))
UNION ALL
SELECT 'trigger', quote_ident(evtname), format('ALTER EVENT TRIGGER %I ENABLE;', evtname)
FROM pg_event_trigger t
WHERE evtenabled = 'D'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_event_trigger'::regclass AND e.objid = t.oid)
ORDER BY 1, 2
