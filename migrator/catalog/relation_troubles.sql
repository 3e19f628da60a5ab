-- What keeps a relation that holds rows (a table or a leaf partition) from being replicated by the role we are.
-- Only relations with a trouble come back, one row for each.
WITH RECURSIVE leaf AS (
    SELECT c.oid, c.relreplident, c.relowner, c.relnamespace, c.relrowsecurity,
           n.nspname, c.relname
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r'
      AND c.relpersistence = 'p'
      AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('information_schema', 'migrator')
      AND (%(relations)s::oid[] IS NULL OR c.oid = ANY (%(relations)s::oid[]))
      AND NOT EXISTS (SELECT FROM pg_depend AS member
                      WHERE member.classid = 'pg_class'::regclass AND member.objid = c.oid AND member.deptype = 'e')
),
identity AS (
    SELECT leaf.oid,
           bool_or(i.indisprimary) AS primary_key,
           bool_or(i.indisprimary AND i.indimmediate AND i.indisvalid) AS usable_key,
           bool_or(i.indisreplident AND i.indimmediate AND i.indisvalid) AS usable_index
    FROM leaf
    JOIN pg_index AS i ON i.indrelid = leaf.oid AND (i.indisprimary OR i.indisreplident)
    GROUP BY leaf.oid
),
-- Generated columns are in no publication of ours. 18 refuses UPDATE and DELETE where one is part of the replica identity, as each is under
-- FULL; by an older source's changes the destination would not find the rows, as by its primary key under FULL, too.
generated AS (
    SELECT leaf.oid,
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns,
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE in_.primary_key) AS of_key,
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE in_.index) AS of_index
    FROM leaf
    JOIN pg_attribute AS a ON a.attrelid = leaf.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''
    CROSS JOIN LATERAL (
        SELECT bool_or(i.indisprimary) AS primary_key, bool_or(i.indisreplident) AS index
        FROM pg_index AS i
        WHERE i.indrelid = leaf.oid AND (i.indisprimary OR i.indisreplident)
          AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    ) AS in_
    GROUP BY leaf.oid
),
unpublished AS (
    SELECT leaf.oid, full_.columns AS under_full,
           CASE WHEN leaf.relreplident = 'f' THEN full_.columns
                WHEN leaf.relreplident = 'd' AND identity.usable_key THEN generated.of_key
                WHEN leaf.relreplident = 'i' AND identity.usable_index THEN generated.of_index END AS columns
    FROM leaf
    JOIN generated USING (oid)
    LEFT JOIN identity USING (oid)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN current_setting('server_version_num')::int >= 180000 THEN generated.columns ELSE generated.of_key END
    ) AS full_ (columns)
),
-- Replica identity FULL compares every column, unless the destination finds the row by a primary key. Asked also of tables that
-- lack an identity: FULL might be given them.
compared AS (
    SELECT leaf.oid, a.attname, a.atttypid
    FROM leaf
    LEFT JOIN identity USING (oid)
    JOIN pg_attribute AS a ON a.attrelid = leaf.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE identity.usable_key IS NOT TRUE AND NOT (leaf.relreplident = 'i' AND identity.usable_index IS TRUE)
),
type_ AS (
    SELECT DISTINCT atttypid AS root, atttypid AS type FROM compared
    UNION
    SELECT type_.root, inner_.type
    FROM type_
    JOIN pg_type AS t ON t.oid = type_.type
    CROSS JOIN LATERAL (
        SELECT t.typbasetype AS type WHERE t.typtype = 'd'
        UNION ALL SELECT t.typelem WHERE t.typsubscript = 'array_subscript_handler'::regproc AND t.typelem <> 0
        UNION ALL SELECT a.atttypid FROM pg_attribute AS a
                  WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS inner_
),
without_equality AS (
    SELECT DISTINCT type_.root
    FROM type_
    JOIN pg_type AS t ON t.oid = type_.type
    WHERE t.typtype = 'b'
      AND t.typsubscript <> 'array_subscript_handler'::regproc
      AND NOT EXISTS (
          SELECT FROM pg_opclass AS o
          JOIN pg_am AS am ON am.oid = o.opcmethod AND am.amname IN ('btree', 'hash')
          WHERE o.opcdefault
            AND (o.opcintype = t.oid
                 OR EXISTS (SELECT FROM pg_cast AS binary_ WHERE binary_.castsource = t.oid
                            AND binary_.casttarget = o.opcintype AND binary_.castmethod = 'b'
                            AND binary_.castcontext = 'i')))
),
incomparable AS (
    SELECT compared.oid,
           string_agg(format('%%I (%%s)', compared.attname, format_type(compared.atttypid, NULL)), ', '
                      ORDER BY compared.attname) AS columns
    FROM compared
    JOIN without_equality ON without_equality.root = compared.atttypid
    GROUP BY compared.oid
)
SELECT leaf.nspname, leaf.relname, trouble.reason, coalesce(trouble.detail, '') AS detail,
       coalesce(unpublished.columns, unpublished.under_full, '') AS generated,
       pg_stat_get_tuples_updated(leaf.oid) + pg_stat_get_tuples_deleted(leaf.oid) AS changes
FROM leaf
LEFT JOIN identity USING (oid)
LEFT JOIN incomparable USING (oid)
LEFT JOIN unpublished USING (oid)
CROSS JOIN LATERAL (VALUES
    ('no_primary_key', leaf.relreplident = 'd' AND identity.primary_key IS NOT TRUE, incomparable.columns),
    ('deferrable_primary_key', leaf.relreplident = 'd' AND identity.primary_key AND NOT identity.usable_key,
     incomparable.columns),
    ('replica_identity_nothing', leaf.relreplident = 'n', incomparable.columns),
    ('replica_identity_index', leaf.relreplident = 'i' AND identity.usable_index IS NOT TRUE, incomparable.columns),
    ('replica_identity_generated', unpublished.columns IS NOT NULL, NULL),
    ('replica_identity_full', leaf.relreplident = 'f' AND incomparable.columns IS NOT NULL AND unpublished.columns IS NULL,
     incomparable.columns),
    ('not_owned', NOT pg_has_role(leaf.relowner, 'USAGE'), pg_get_userbyid(leaf.relowner)),
    ('not_readable', NOT has_table_privilege(leaf.oid, 'SELECT')
                     OR NOT has_schema_privilege(leaf.relnamespace, 'USAGE'), NULL),
    ('row_security', leaf.relrowsecurity, NULL),
    ('row_security_hides', row_security_active(leaf.oid), NULL)
) AS trouble (reason, found, detail)
WHERE trouble.found
ORDER BY 1, 2, 3
