-- What only 18 knows.
CREATE EXTENSION btree_gist WITH SCHEMA app;
CREATE EXTENSION hstore;
CREATE TABLE app.extended (id integer PRIMARY KEY, tags hstore, key text);
CREATE INDEX extended_tags ON app.extended USING gin (tags);
CREATE TABLE app.newer (
    id integer CONSTRAINT id_is_there NOT NULL, seen integer,
    virtual integer GENERATED ALWAYS AS (id + 1) VIRTUAL,
    valid daterange, plain integer NOT NULL NO INHERIT,
    CONSTRAINT newer_key PRIMARY KEY (id, valid WITHOUT OVERLAPS),
    CONSTRAINT loosely CHECK (id > 0) NOT ENFORCED
);
ALTER TABLE app.newer ADD CONSTRAINT seen_later NOT NULL seen NOT VALID;
ALTER TABLE app.newer ADD CONSTRAINT newer_span UNIQUE (seen, valid WITHOUT OVERLAPS);
CREATE TABLE app.newer_child (own integer) INHERITS (app.newer);
CREATE TABLE app.newer_line (
    id integer, valid daterange,
    FOREIGN KEY (id, PERIOD valid) REFERENCES app.newer (id, PERIOD valid),
    CONSTRAINT unenforced FOREIGN KEY (id) REFERENCES app.lines NOT ENFORCED
);
CREATE TABLE app.tickets (id bigint GENERATED ALWAYS AS IDENTITY, day date NOT NULL, customer bigint) PARTITION BY RANGE (day);
CREATE TABLE app.tickets_old PARTITION OF app.tickets FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
ALTER TABLE app.tickets ADD CONSTRAINT tickets_customer FOREIGN KEY (customer) REFERENCES app.customers NOT VALID;
CREATE DOMAIN app.named_null AS text CONSTRAINT must_be_there NOT NULL;
COMMENT ON CONSTRAINT id_is_there ON app.newer IS 'no number, no row';
COMMENT ON CONSTRAINT newer_plain_not_null ON app.newer IS 'named by default';
COMMENT ON CONSTRAINT seen_later ON app.newer IS 'not valid';
COMMENT ON CONSTRAINT must_be_there ON DOMAIN app.named_null IS 'of a domain';
ALTER TABLE app.newer ADD COLUMN kept_sum integer GENERATED ALWAYS AS (id + 1) STORED;
CREATE PUBLICATION with_sums FOR TABLE app.newer WITH (publish_generated_columns = stored);
CREATE TABLE app.excluding (id integer, during int4range, EXCLUDE USING gist (id WITH =, during WITH &&)) PARTITION BY LIST (id);
CREATE TABLE app.excluding_1 PARTITION OF app.excluding FOR VALUES IN (1);
CREATE TABLE app.spans (id integer, valid tsrange, PRIMARY KEY (id, valid WITHOUT OVERLAPS)) PARTITION BY LIST (id);
CREATE TABLE app.spans_1 PARTITION OF app.spans DEFAULT;
CREATE TABLE app.summed (a integer, b integer GENERATED ALWAYS AS (a + 1) STORED);
CREATE TABLE app.summed_child (own integer) INHERITS (app.summed);
ALTER TABLE app.summed_child ALTER COLUMN b SET EXPRESSION AS (a * 2);
ALTER INDEX app.newer_span DEPENDS ON EXTENSION btree_gist;
ALTER INDEX app.extended_pkey DEPENDS ON EXTENSION hstore;
ALTER INDEX app.extended_tags DEPENDS ON EXTENSION hstore;
ALTER INDEX app.excluding_1_id_during_excl DEPENDS ON EXTENSION btree_gist;
COMMENT ON EXTENSION btree_gist IS 'the operator''s own words';
