SELECT NULL::text AS kind, NULL::text AS identity WHERE false AND %(relations)s::oid[] IS NULL
