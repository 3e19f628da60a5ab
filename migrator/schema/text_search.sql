-- Text search parsers, templates, dictionaries and configurations.
SELECT * FROM (
    SELECT 1 AS rank, 'text search parser' AS kind, format('%%I.%%I', n.nspname, p.prsname) AS name, 'ts_parser:' || p.oid AS key,
           format('TEXT SEARCH PARSER %%I.%%I', n.nspname, p.prsname) AS comment_on,
           ARRAY[format('CREATE TEXT SEARCH PARSER %%I.%%I (%%s)', n.nspname, p.prsname, concat_ws(', ',
               'START = ' || p.prsstart, 'GETTOKEN = ' || p.prstoken, 'END = ' || p.prsend,
               'HEADLINE = ' || nullif(p.prsheadline, 0)::regproc, 'LEXTYPES = ' || p.prslextype))] AS statements,
           'pg_catalog.pg_ts_parser'::regclass AS classid, p.oid AS objid
    FROM pg_catalog.pg_ts_parser p JOIN pg_catalog.pg_namespace n ON n.oid = p.prsnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
    UNION ALL
    SELECT 2, 'text search template', format('%%I.%%I', n.nspname, t.tmplname), 'ts_template:' || t.oid,
           format('TEXT SEARCH TEMPLATE %%I.%%I', n.nspname, t.tmplname),
           ARRAY[format('CREATE TEXT SEARCH TEMPLATE %%I.%%I (%%s)', n.nspname, t.tmplname, concat_ws(', ',
               'INIT = ' || nullif(t.tmplinit, 0)::regproc, 'LEXIZE = ' || t.tmpllexize))],
           'pg_catalog.pg_ts_template'::regclass, t.oid
    FROM pg_catalog.pg_ts_template t JOIN pg_catalog.pg_namespace n ON n.oid = t.tmplnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
    UNION ALL
    SELECT 3, 'text search dictionary', format('%%I.%%I', n.nspname, d.dictname), 'ts_dict:' || d.oid,
           format('TEXT SEARCH DICTIONARY %%I.%%I', n.nspname, d.dictname),
           ARRAY[format('CREATE TEXT SEARCH DICTIONARY %%I.%%I (%%s)', n.nspname, d.dictname, concat_ws(', ',
               format('TEMPLATE = %%I.%%I', tn.nspname, t.tmplname), d.dictinitoption))],
           'pg_catalog.pg_ts_dict'::regclass, d.oid
    FROM pg_catalog.pg_ts_dict d JOIN pg_catalog.pg_namespace n ON n.oid = d.dictnamespace
    JOIN pg_catalog.pg_ts_template t ON t.oid = d.dicttemplate
    JOIN pg_catalog.pg_namespace tn ON tn.oid = t.tmplnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
    UNION ALL
    SELECT 4, 'text search configuration', format('%%I.%%I', n.nspname, c.cfgname), 'ts_config:' || c.oid,
           format('TEXT SEARCH CONFIGURATION %%I.%%I', n.nspname, c.cfgname),
           ARRAY[format('CREATE TEXT SEARCH CONFIGURATION %%I.%%I (PARSER = %%I.%%I)', n.nspname, c.cfgname, pn.nspname, p.prsname)]
               || array(SELECT format('ALTER TEXT SEARCH CONFIGURATION %%I.%%I ADD MAPPING FOR %%I WITH %%s', n.nspname, c.cfgname,
                                      k.alias, string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno))
                        FROM pg_catalog.pg_ts_config_map m
                        JOIN LATERAL pg_catalog.ts_token_type(c.cfgparser) k ON k.tokid = m.maptokentype
                        WHERE m.mapcfg = c.oid GROUP BY k.tokid, k.alias ORDER BY k.tokid),
           'pg_catalog.pg_ts_config'::regclass, c.oid
    FROM pg_catalog.pg_ts_config c JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace
    JOIN pg_catalog.pg_ts_parser p ON p.oid = c.cfgparser
    JOIN pg_catalog.pg_namespace pn ON pn.oid = p.prsnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'migrator')
) found
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = found.classid AND e.objid = found.objid AND e.deptype = 'e')
ORDER BY rank, name
