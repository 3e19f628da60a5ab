-- Owners that nobody logs in as, a group that may read, and two applications that write.
CREATE ROLE shop_owner NOLOGIN;
CREATE ROLE analytics_owner NOLOGIN;
CREATE ROLE readers NOLOGIN;
CREATE ROLE shop_app LOGIN CONNECTION LIMIT 20 PASSWORD :password;
CREATE ROLE analytics_app LOGIN VALID UNTIL '2099-12-31 00:00:00+00' PASSWORD :password;
CREATE ROLE bench_app LOGIN PASSWORD :password;
CREATE ROLE auditor LOGIN NOINHERIT PASSWORD :password;
GRANT shop_owner TO shop_app WITH ADMIN OPTION;
GRANT readers TO analytics_app, auditor;
GRANT pg_read_all_data TO auditor;
ALTER ROLE shop_app SET search_path = sales, catalog;
ALTER ROLE shop_app SET statement_timeout = '30s';
ALTER ROLE analytics_app SET work_mem = '8MB';
