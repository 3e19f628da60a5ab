-- One object of each kind that is not carried yet.
CREATE SCHEMA migrator;
CREATE SCHEMA app;
CREATE TYPE app.pair AS (a integer, b integer);
CREATE PUBLICATION migrator_ours_000000000000_g1;
CREATE SUBSCRIPTION elsewhere CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE);
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER far FOREIGN DATA WRAPPER wrapper;
CREATE USER MAPPING FOR PUBLIC SERVER far;
CREATE FOREIGN TABLE app.foreign_one (id integer) SERVER far;
SELECT lo_create(4711);
CREATE TABLE app.typed OF app.pair;
CREATE UNLOGGED TABLE app.loose (id integer);
CREATE UNLOGGED SEQUENCE app.loose_numbers;
