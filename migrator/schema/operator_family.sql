-- Operator families with their loose members (those of no class), and operator classes with their own.
WITH member AS (
    SELECT d.refclassid, d.refobjid, o.amoplefttype AS left_type, o.amoprighttype AS right_type, 0 AS rank, o.amopstrategy AS number,
           format('OPERATOR %%s %%I.%%s (%%s, %%s)%%s', o.amopstrategy, n.nspname, p.oprname,
                  CASE p.oprleft WHEN 0 THEN 'NONE' ELSE pg_catalog.format_type(p.oprleft, NULL) END,
                  pg_catalog.format_type(p.oprright, NULL),
                  (SELECT format(' FOR ORDER BY %%I.%%I', sn.nspname, s.opfname) FROM pg_catalog.pg_opfamily s
                   JOIN pg_catalog.pg_namespace sn ON sn.oid = s.opfnamespace WHERE s.oid = o.amopsortfamily)) AS words
    FROM pg_catalog.pg_amop o
    JOIN pg_catalog.pg_operator p ON p.oid = o.amopopr
    JOIN pg_catalog.pg_namespace n ON n.oid = p.oprnamespace
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_amop'::regclass AND d.objid = o.oid
        AND d.refclassid IN ('pg_catalog.pg_opclass'::regclass, 'pg_catalog.pg_opfamily'::regclass)
        AND d.deptype IN ('a', 'i') AND (d.refclassid = 'pg_catalog.pg_opclass'::regclass OR d.refobjid = o.amopfamily)
    UNION ALL
    SELECT d.refclassid, d.refobjid, a.amproclefttype, a.amprocrighttype, 1, a.amprocnum,
           format('FUNCTION %%s (%%s, %%s) %%s', a.amprocnum, pg_catalog.format_type(a.amproclefttype, NULL),
                  pg_catalog.format_type(a.amprocrighttype, NULL), a.amproc::regprocedure)
    FROM pg_catalog.pg_amproc a
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_amproc'::regclass AND d.objid = a.oid
        AND d.refclassid IN ('pg_catalog.pg_opclass'::regclass, 'pg_catalog.pg_opfamily'::regclass)
        AND d.deptype IN ('a', 'i') AND (d.refclassid = 'pg_catalog.pg_opclass'::regclass OR d.refobjid = a.amprocfamily)
)
SELECT * FROM (
    SELECT 1 AS rank, 'operator family' AS kind, format('%%I.%%I USING %%I', n.nspname, f.opfname, a.amname) AS name,
           'opfamily:' || f.oid AS key, format('OPERATOR FAMILY %%I.%%I USING %%I', n.nspname, f.opfname, a.amname) AS comment_on,
           ARRAY[format('CREATE OPERATOR FAMILY %%I.%%I USING %%I', n.nspname, f.opfname, a.amname)] AS statements,
           'pg_catalog.pg_opfamily'::regclass AS classid, f.oid AS objid
    FROM pg_catalog.pg_opfamily f
    JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace
    JOIN pg_catalog.pg_am a ON a.oid = f.opfmethod
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
    UNION ALL
    SELECT 2, 'operator class', format('%%I.%%I USING %%I', n.nspname, c.opcname, a.amname),
           'opclass:' || c.oid, format('OPERATOR CLASS %%I.%%I USING %%I', n.nspname, c.opcname, a.amname),
           ARRAY[format('CREATE OPERATOR CLASS %%I.%%I%%s FOR TYPE %%s USING %%I FAMILY %%I.%%I AS %%s', n.nspname, c.opcname,
                        CASE WHEN c.opcdefault THEN ' DEFAULT' END, pg_catalog.format_type(c.opcintype, NULL), a.amname,
                        fn.nspname, f.opfname,
                        coalesce((SELECT string_agg(m.words, ', ' ORDER BY m.rank, m.number, m.words) FROM member m
                                  WHERE m.refclassid = 'pg_catalog.pg_opclass'::regclass AND m.refobjid = c.oid)
                                 || CASE WHEN c.opckeytype <> 0
                                         THEN ', STORAGE ' || pg_catalog.format_type(c.opckeytype, NULL) ELSE '' END,
                                 'STORAGE ' || pg_catalog.format_type(coalesce(nullif(c.opckeytype, 0), c.opcintype), NULL)))],
           'pg_catalog.pg_opclass'::regclass, c.oid
    FROM pg_catalog.pg_opclass c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.opcnamespace
    JOIN pg_catalog.pg_am a ON a.oid = c.opcmethod
    JOIN pg_catalog.pg_opfamily f ON f.oid = c.opcfamily
    JOIN pg_catalog.pg_namespace fn ON fn.oid = f.opfnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
    UNION ALL
    SELECT 3, 'loose members of operator family', format('%%I.%%I USING %%I', n.nspname, f.opfname, a.amname),
           'members:' || f.oid, '',
           ARRAY[format('ALTER OPERATOR FAMILY %%I.%%I USING %%I ADD %%s', n.nspname, f.opfname, a.amname,
                        string_agg(m.words, ', ' ORDER BY m.rank, m.number, m.words))],
           'pg_catalog.pg_opfamily'::regclass, f.oid
    FROM pg_catalog.pg_opfamily f
    JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace
    JOIN pg_catalog.pg_am a ON a.oid = f.opfmethod
    JOIN member m ON m.refclassid = 'pg_catalog.pg_opfamily'::regclass AND m.refobjid = f.oid
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
    GROUP BY n.nspname, f.opfname, a.amname, f.oid
) found
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = found.classid AND e.objid = found.objid AND e.deptype = 'e')
ORDER BY rank, name
