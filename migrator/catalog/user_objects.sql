-- Anything a person made in this database that is neither built in, ours, nor an extension's: a relation, routine, type, schema, ...
-- Not a schema that some extension was put into: CREATE EXTENSION may have made it. Rows of extensions' tables: configuration_tables.sql.
WITH made (classid, objid) AS (
    SELECT 'pg_class'::regclass::oid, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind NOT IN ('i', 'I')  -- an index is its table's: those of extensions' tables are no members of theirs
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_(toast|temp)'
    UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
    -- enums, domains, ranges, base and shell types; the others come with a relation or with one of these
    UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typtype IN ('e', 'd', 'r', 'b', 'p') AND typcategory <> 'A'
    UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace
    WHERE nspname NOT IN ('public', 'information_schema', 'migrator') AND nspname !~ '^pg_'
      AND oid NOT IN (SELECT extnamespace FROM pg_extension)
    UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
    UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation WHERE collnamespace <> 'pg_catalog'::regnamespace
    UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
    UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
    UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
)
SELECT EXISTS (
    SELECT FROM made
    WHERE objid >= 16384
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = made.classid AND d.objid = made.objid AND d.deptype = 'e')
) OR EXISTS (SELECT FROM pg_largeobject_metadata) AS present
