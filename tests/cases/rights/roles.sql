-- Roles of every make, and what is the instance's.
CREATE ROLE owner NOLOGIN;
CREATE ROLE app LOGIN;
CREATE ROLE reader LOGIN NOINHERIT;
CREATE ROLE chief LOGIN CREATEROLE;
CREATE ROLE team NOLOGIN;
CREATE ROLE auditor LOGIN BYPASSRLS;
CREATE ROLE stranger LOGIN;
CREATE ROLE "We""ird {role}" LOGIN;
GRANT team TO app;
GRANT team TO chief WITH ADMIN OPTION;
GRANT owner TO reader;
GRANT app TO "We""ird {role}";
GRANT pg_read_all_data TO auditor;
GRANT SET ON PARAMETER log_min_duration_statement TO app;
GRANT SET, ALTER SYSTEM ON PARAMETER log_statement TO owner WITH GRANT OPTION;
