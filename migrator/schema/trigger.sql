-- Triggers. Those that fire for replicated rows too (ALWAYS, REPLICA) are made disabled: the cutover sets them.
-- A partition's trigger comes with its parent's, and as that is made; only what is to be made otherwise is a row here, which
-- needs those above it that have one. The other partitions' states are part of that row, for the cutover to set.
WITH RECURSIVE firing AS (
    SELECT t.oid, t.tgparentid, t.tgrelid, t.tgname, t.tgenabled, t.tgparentid = 0 OR (t.tgenabled = 'O') <> (up.tgenabled = 'O') AS own,
           CASE WHEN t.tgparentid = 0 THEN 'trigger' ELSE 'trigger of a partition' END AS kind,
           format('%%I ON %%I.%%I', t.tgname, n.nspname, c.relname) AS name,
           CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' WHEN 'D' THEN 'disabled' ELSE 'enabled' END AS word,
           n.nspname, c.relname, c.relkind,
           CASE c.relkind WHEN 'f' THEN 'ALTER FOREIGN TABLE ' WHEN 'v' THEN 'ALTER VIEW ' ELSE 'ALTER TABLE ' END AS verb,
           format('%%I.%%I', n.nspname, c.relname) AS relation
    FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_trigger up ON up.oid = t.tgparentid
    WHERE NOT t.tgisinternal
      AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
      AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
      AND c.oid <> ALL (%(without)s::oid[])
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                      WHERE e.deptype = 'e' AND (e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid
                                                 OR e.classid = 'pg_catalog.pg_trigger'::regclass AND e.objid = t.oid))
), above (oid, upper) AS (
    SELECT f.oid, f.tgparentid FROM firing f WHERE f.own AND f.tgparentid <> 0
    UNION ALL
    SELECT a.oid, f.tgparentid FROM above a JOIN firing f ON f.oid = a.upper WHERE f.tgparentid <> 0
), asleep (top, oid, depth) AS (
    SELECT f.oid, f.oid, 0 FROM firing f WHERE f.own AND f.tgenabled <> 'O'
    UNION ALL
    SELECT s.top, f.oid, s.depth + 1 FROM asleep s JOIN firing f ON f.tgparentid = s.oid AND NOT f.own
)
SELECT t.kind, t.name, 'trigger:' || t.oid AS key,
       CASE WHEN t.tgparentid = 0 THEN 'TRIGGER ' || t.name END AS comment_on,
       t.nspname::text AS relation_namespace, t.relname::text AS relation_name,
       concat_ws(', ', t.word, (SELECT string_agg(f.relation || ': ' || f.word, ', ' ORDER BY f.relation)
                                FROM asleep s JOIN firing f ON f.oid = s.oid
                                WHERE s.top = t.oid AND f.word <> t.word)) AS state,
       array(SELECT f.kind || ' ' || f.name FROM above a JOIN firing f ON f.oid = a.upper AND f.own
             WHERE a.oid = t.oid ORDER BY f.kind, f.name) AS needed_definitions,
       CASE WHEN t.tgparentid = 0 THEN ARRAY[pg_catalog.pg_get_triggerdef(t.oid)] ELSE '{}' END
           || CASE WHEN t.tgenabled <> 'O' THEN ARRAY[format('%%s DISABLE TRIGGER %%I', t.verb || t.relation, t.tgname)]
                   WHEN t.tgparentid <> 0 THEN ARRAY[format('%%s ENABLE TRIGGER %%I', t.verb || t.relation, t.tgname)]
                   ELSE '{}' END
           || array(SELECT format('ALTER TRIGGER %%s DEPENDS ON EXTENSION %%I', t.name, name)
                    FROM unnest(extensions.names) name) AS statements,
       array(SELECT format('%%s ENABLE %%s TRIGGER %%I', f.verb || CASE WHEN f.relkind <> 'v' THEN 'ONLY ' ELSE '' END || f.relation,
                           f.word, f.tgname)
             FROM asleep s JOIN firing f ON f.oid = s.oid
             WHERE s.top = t.oid AND f.tgenabled IN ('A', 'R') ORDER BY s.depth, f.relation) AS at_cutover
FROM firing t
LEFT JOIN (SELECT d.objid, array_agg(e.extname ORDER BY e.extname) AS names
           FROM pg_catalog.pg_extension e
           JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
           WHERE d.classid = 'pg_catalog.pg_trigger'::regclass AND d.deptype = 'x' GROUP BY d.objid) extensions ON extensions.objid = t.oid
WHERE t.own
ORDER BY 1, 2
