SELECT s.seqrelid::bigint AS oid
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_(toast|temp)'
  AND c.relpersistence <> 't'
  AND s.seqrelid NOT IN (SELECT d.objid FROM pg_depend d WHERE d.refclassid = 'pg_extension'::regclass
                         AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
  AND has_sequence_privilege(s.seqrelid, 'SELECT')
ORDER BY 1
