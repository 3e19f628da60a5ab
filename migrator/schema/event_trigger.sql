-- Event triggers. All are made disabled, for they would fire at our own statements; the cutover sets them.
SELECT 'event trigger' AS kind, quote_ident(t.evtname) AS name, 'event_trigger:' || t.oid AS key,
       format('EVENT TRIGGER %%I', t.evtname) AS comment_on,
       CASE t.evtenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' WHEN 'D' THEN 'disabled' ELSE 'enabled' END AS state,
       ARRAY[format('CREATE EVENT TRIGGER %%I ON %%I%%s EXECUTE FUNCTION %%s()', t.evtname, t.evtevent,
                    (SELECT format(' WHEN TAG IN (%%s)', string_agg(quote_literal(tag), ', ' ORDER BY number))
                     FROM unnest(t.evttags) WITH ORDINALITY tags (tag, number) HAVING count(*) > 0),
                    t.evtfoid::regproc),
             format('ALTER EVENT TRIGGER %%I DISABLE', t.evtname)] AS statements,
       CASE t.evtenabled WHEN 'A' THEN ARRAY[format('ALTER EVENT TRIGGER %%I ENABLE ALWAYS', t.evtname)]
                         WHEN 'R' THEN ARRAY[format('ALTER EVENT TRIGGER %%I ENABLE REPLICA', t.evtname)]
                         WHEN 'O' THEN ARRAY[format('ALTER EVENT TRIGGER %%I ENABLE', t.evtname)] END AS at_cutover
FROM pg_catalog.pg_event_trigger t
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = 'pg_catalog.pg_event_trigger'::regclass AND e.objid = t.oid AND e.deptype = 'e')
ORDER BY 2
