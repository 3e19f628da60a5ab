-- Sequences that are carried, and whether we may read them: many by pg_sequence_last_value(), others by their name.
SELECT s.seqrelid::bigint AS oid, n.nspname, c.relname,
       has_sequence_privilege(s.seqrelid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AS readable
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('information_schema', 'migrator') AND n.nspname !~ '^pg_'
  AND c.relpersistence <> 't'
  AND s.seqrelid NOT IN (SELECT d.objid FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                         AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
ORDER BY 1
