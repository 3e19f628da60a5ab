SELECT d.datname AS name,
       d.oid::int8 AS oid,
       pg_get_userbyid(d.datdba) AS owner,
       pg_encoding_to_char(d.encoding) AS encoding,
       d.datlocprovider::text AS provider,
       d.datcollate AS collate,
       d.datctype AS ctype,
       d.daticulocale AS locale,
       NULL::text AS icu_rules,
       d.datcollversion AS collation_version,
       d.datistemplate AS is_template,
       d.datallowconn AS allows_connections,
       d.datconnlimit AS connection_limit,
       t.spcname AS tablespace,
       d.datacl::text[] AS acl,
       coalesce((SELECT s.setconfig FROM pg_db_role_setting AS s WHERE s.setdatabase = d.oid AND s.setrole = 0),
                '{}') AS settings,
       shobj_description(d.oid, 'pg_database') AS comment,
       d.datallowconn AND has_database_privilege(d.oid, 'CONNECT') AS may_connect,
       has_database_privilege(d.oid, 'CREATE') AS may_create
FROM pg_database AS d
JOIN pg_tablespace AS t ON t.oid = d.dattablespace
ORDER BY d.datname
