-- Everything PostgreSQL spells as a whole: routines, views, triggers and the like. Loads on every version from 15 on.
CREATE SCHEMA app;
CREATE SCHEMA "Odd.Schema";
CREATE TYPE app.pair AS (a integer, b integer);
COMMENT ON COLUMN app.pair.a IS 'first of two';
CREATE TABLE app.plain (id integer PRIMARY KEY, note text, kind text DEFAULT 'x', amount numeric);
CREATE TABLE app.other (id integer PRIMARY KEY, plain integer REFERENCES app.plain, day date);
CREATE DOMAIN app.small AS integer CONSTRAINT small_enough CHECK (VALUE < 100);
COMMENT ON CONSTRAINT small_enough ON DOMAIN app.small IS 'two digits';

CREATE FUNCTION app.double(integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1 * 2';
COMMENT ON FUNCTION app.double(integer) IS 'twice';
CREATE FUNCTION app.double(numeric, times integer DEFAULT 2) RETURNS numeric LANGUAGE plpgsql STRICT SECURITY DEFINER COST 7
    SET search_path = app, pg_temp SET work_mem TO '8MB' AS $body$BEGIN RETURN $1 * times; -- $$ ' \ %s
END$body$;
CREATE FUNCTION app.rows_of(OUT id integer, OUT note text, VARIADIC kinds text[] DEFAULT '{}') RETURNS SETOF record ROWS 5
    LANGUAGE sql STABLE LEAKPROOF AS 'SELECT id, note FROM app.plain';
CREATE FUNCTION app.as_table(a integer) RETURNS TABLE (x integer, "Y" text) LANGUAGE sql AS 'SELECT 1, ''two''';
CREATE FUNCTION app.atomic(integer) RETURNS bigint LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT count(*) FROM app.plain p WHERE p.id > $1; SELECT count(*) FROM app.other; END;
CREATE FUNCTION app.of_row(app.plain) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.note';
SET check_function_bodies = off;
CREATE FUNCTION app.later_table() RETURNS integer LANGUAGE sql AS 'SELECT count(*)::integer FROM app.not_yet';
CREATE TABLE app.not_yet (id integer);
CREATE PROCEDURE app.nothing(INOUT a integer) LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
COMMENT ON PROCEDURE app.nothing IS 'does nothing';
CREATE FUNCTION "Odd.Schema"."Fun ""ction"(" $$ " text) RETURNS text LANGUAGE sql AS $$SELECT 'a\b' || $1 || '%s {x}'$$;
CREATE FUNCTION app.second(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $2';
CREATE AGGREGATE app.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0', COMBINEFUNC = int4pl, PARALLEL = SAFE);
COMMENT ON AGGREGATE app.total(integer) IS 'sum';
CREATE AGGREGATE app.how_many(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
CREATE AGGREGATE app.moving(integer) (SFUNC = int4pl, STYPE = integer, MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = integer,
    FINALFUNC = abs, FINALFUNC_MODIFY = SHAREABLE, MINITCOND = '0', SORTOP = <);
CREATE AGGREGATE app.middle(double precision ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal,
    FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);

CREATE TABLE app.priced (id integer DEFAULT app.double(1), code integer GENERATED ALWAYS AS (app.double(3)) STORED,
    CHECK (app.double(id) > 0));
CREATE INDEX priced_double ON app.priced (app.double(id));

CREATE VIEW app.seen AS SELECT id, note AS "No te" FROM app.plain WHERE id > 0;
COMMENT ON VIEW app.seen IS 'visible';
COMMENT ON COLUMN app.seen.id IS 'number';
CREATE VIEW app.joined WITH (security_barrier, security_invoker = true) AS
    SELECT p.*, o.id AS other, app.double(o.id) FROM app.plain p JOIN app.other o ON o.plain = p.id;
CREATE VIEW app.checked AS SELECT * FROM app.plain WHERE amount > 1 WITH LOCAL CHECK OPTION;
ALTER VIEW app.checked ALTER COLUMN kind SET DEFAULT 'from the view';
CREATE RECURSIVE VIEW app.numbers (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 5;
CREATE VIEW app.grouped AS SELECT p.id, p.note, count(*) AS others FROM app.plain p JOIN app.other o ON o.plain = p.id GROUP BY p.id;
CREATE VIEW app.of_grouped AS SELECT id FROM app.grouped;
CREATE FUNCTION app.of_view(app.seen) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.id';
CREATE VIEW app.of_function AS SELECT app.of_view(s) FROM app.seen s;
CREATE VIEW app.a_first AS SELECT 1 AS one;
CREATE VIEW app.b_second AS SELECT one FROM app.a_first;
CREATE VIEW "Odd.Schema"."View ""x""" AS SELECT 1 AS "select", 'it''s \ %s'::text AS "größe";

CREATE MATERIALIZED VIEW app.z_base AS SELECT id, note FROM app.plain;
CREATE UNIQUE INDEX z_base_id ON app.z_base (id);
COMMENT ON MATERIALIZED VIEW app.z_base IS 'stored';
CREATE VIEW app.between AS SELECT * FROM app.z_base;
CREATE MATERIALIZED VIEW app.a_stored WITH (fillfactor = 70) AS SELECT count(*) AS many FROM app.between;
CREATE MATERIALIZED VIEW app.unfilled AS SELECT 1 AS one WITH NO DATA;
ALTER MATERIALIZED VIEW app.z_base ALTER COLUMN note SET STATISTICS 77;
ALTER MATERIALIZED VIEW app.z_base CLUSTER ON z_base_id;

-- two circles
CREATE TABLE app.counted (id integer, number bigint);
CREATE FUNCTION app.next_number() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) + 1 FROM app.counted; END;
ALTER TABLE app.counted ALTER COLUMN number SET DEFAULT app.next_number();
CREATE VIEW app.circle AS SELECT 1 AS n, 'x'::text COLLATE "C" AS t;
CREATE FUNCTION app.around(app.circle) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE OR REPLACE VIEW app.circle AS SELECT app.around(NULL::app.circle) AS n, 'x'::text COLLATE "C" AS t;

CREATE RULE quiet AS ON DELETE TO app.plain DO INSTEAD NOTHING;
COMMENT ON RULE quiet ON app.plain IS 'never';
CREATE RULE logged AS ON UPDATE TO app.plain WHERE old.id <> new.id DO ALSO INSERT INTO app.other (id) VALUES (new.id);
ALTER TABLE app.plain DISABLE RULE logged;
CREATE RULE into_view AS ON INSERT TO app.seen DO INSTEAD INSERT INTO app.plain (id) VALUES (new.id) RETURNING id, note;

CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE OF note, kind ON app.plain FOR EACH ROW WHEN (old.note IS DISTINCT FROM new.note)
    EXECUTE FUNCTION app.touch('a', 'it''s');
COMMENT ON TRIGGER touched ON app.plain IS 'touches';
CREATE TRIGGER off AFTER INSERT ON app.plain EXECUTE FUNCTION app.touch();
ALTER TABLE app.plain DISABLE TRIGGER off;
CREATE TRIGGER always AFTER INSERT ON app.plain FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app.plain ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER replica AFTER INSERT ON app.plain FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app.plain ENABLE REPLICA TRIGGER replica;
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON app.other FROM app.plain DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION app.touch();
CREATE TRIGGER transitions AFTER UPDATE ON app.other REFERENCING OLD TABLE AS before NEW TABLE AS "After"
    FOR EACH STATEMENT EXECUTE FUNCTION app.touch();
CREATE TRIGGER instead INSTEAD OF DELETE ON app.joined FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TABLE app.parted (id integer, day date) PARTITION BY RANGE (id);
CREATE TABLE app.parted_1 PARTITION OF app.parted FOR VALUES FROM (0) TO (10);
CREATE TABLE app.parted_2 PARTITION OF app.parted FOR VALUES FROM (10) TO (20);
CREATE TRIGGER each_row AFTER INSERT ON app.parted FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app.parted_2 DISABLE TRIGGER each_row;
CREATE TRIGGER own BEFORE INSERT ON app.parted_1 FOR EACH ROW EXECUTE FUNCTION app.touch();
-- states of a partition's own: beneath another partition, beneath names that are keywords, beneath a trigger that sleeps until the cutover
CREATE TABLE app.deep (a integer) PARTITION BY LIST (a);
CREATE TABLE app.deep_1 PARTITION OF app.deep FOR VALUES IN (1) PARTITION BY LIST (a);
CREATE TABLE app.deep_1_1 PARTITION OF app.deep_1 FOR VALUES IN (1);
CREATE TRIGGER seen AFTER INSERT ON app.deep FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE ONLY app.deep DISABLE TRIGGER seen;
ALTER TABLE app.deep_1_1 ENABLE ALWAYS TRIGGER seen;
CREATE TABLE app."order" (a integer) PARTITION BY LIST (a);
CREATE TABLE app."table" PARTITION OF app."order" FOR VALUES IN (1);
CREATE TRIGGER "check" AFTER INSERT ON app."order" FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app."table" DISABLE TRIGGER "check";
CREATE TABLE app.awake (a integer) PARTITION BY LIST (a);
CREATE TABLE app.awake_1 PARTITION OF app.awake FOR VALUES IN (1);
CREATE TABLE app.awake_2 PARTITION OF app.awake FOR VALUES IN (2);
CREATE TABLE app.awake_3 PARTITION OF app.awake FOR VALUES IN (3);
CREATE TRIGGER seen AFTER INSERT ON app.awake FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app.awake ENABLE ALWAYS TRIGGER seen;
ALTER TABLE app.awake_1 DISABLE TRIGGER seen;
ALTER TABLE app.awake_2 ENABLE TRIGGER seen;
ALTER TABLE app.awake_3 ENABLE REPLICA TRIGGER seen;

ALTER TABLE app.plain ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.other FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON app.plain USING (id > 0 AND note = CURRENT_USER) WITH CHECK (id < 1000);
COMMENT ON POLICY own ON app.plain IS 'their own';
CREATE POLICY strict ON app.plain AS RESTRICTIVE FOR SELECT TO pg_monitor, pg_read_all_data
    USING (EXISTS (SELECT FROM app.other o WHERE o.plain = plain.id));
CREATE POLICY "ins ert" ON app.other FOR INSERT WITH CHECK (true);

CREATE STATISTICS app.correlated (dependencies, mcv) ON id, note FROM app.plain;
ALTER STATISTICS app.correlated SET STATISTICS 50;
COMMENT ON STATISTICS app.correlated IS 'together';
CREATE STATISTICS app.expressed ON (id * 2), lower(note) FROM app.plain;
ALTER TABLE app.plain CLUSTER ON plain_pkey;

CREATE FUNCTION app.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''watched''; END';
CREATE EVENT TRIGGER watcher ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA', 'DROP TABLE') EXECUTE FUNCTION app.watch();
ALTER EVENT TRIGGER watcher ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER watcher IS 'watches';
CREATE EVENT TRIGGER sleeper ON sql_drop EXECUTE FUNCTION app.watch();
ALTER EVENT TRIGGER sleeper DISABLE;

CREATE PUBLICATION theirs FOR TABLE app.plain (id, note) WHERE (id > 5), TABLE app.parted WITH (publish = 'insert, delete');
COMMENT ON PUBLICATION theirs IS 'for them';
CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_via_partition_root = true);
CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA app, "Odd.Schema";
CREATE PUBLICATION empty_one;

CREATE FUNCTION app.pair_of(integer) RETURNS app.pair LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1, $1)::app.pair';
CREATE CAST (integer AS app.pair) WITH FUNCTION app.pair_of(integer) AS ASSIGNMENT;
COMMENT ON CAST (integer AS app.pair) IS 'doubled';
CREATE CAST (app.pair AS text) WITH INOUT;
CREATE FUNCTION app.pair_less(app.pair, app.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.a < $2.a';
CREATE FUNCTION app.pair_more(app.pair, app.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.a > $2.a';
CREATE FUNCTION app.pair_same(app.pair, app.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.a = $2.a';
CREATE FUNCTION app.pair_compare(app.pair, app.pair) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.a - $2.a';
CREATE FUNCTION app.pair_minus(app.pair) RETURNS app.pair LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE OPERATOR app.<< (LEFTARG = app.pair, RIGHTARG = app.pair, FUNCTION = app.pair_less, COMMUTATOR = OPERATOR(app.>>),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR app.>> (LEFTARG = app.pair, RIGHTARG = app.pair, FUNCTION = app.pair_more, COMMUTATOR = OPERATOR(app.<<));
CREATE OPERATOR app.== (LEFTARG = app.pair, RIGHTARG = app.pair, FUNCTION = app.pair_same, COMMUTATOR = OPERATOR(app.==), MERGES, HASHES);
CREATE OPERATOR app.%- (RIGHTARG = app.pair, FUNCTION = app.pair_minus);
COMMENT ON OPERATOR app.<< (app.pair, app.pair) IS 'smaller';
CREATE OPERATOR FAMILY app.loose USING btree;
CREATE OPERATOR CLASS app.pairs FOR TYPE app.pair USING btree FAMILY app.loose AS
    OPERATOR 1 app.<<, OPERATOR 3 app.==, OPERATOR 5 app.>>, FUNCTION 1 app.pair_compare(app.pair, app.pair);
COMMENT ON OPERATOR CLASS app.pairs USING btree IS 'in order';
CREATE FUNCTION app.int_pair(integer, app.pair) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2.a';
ALTER OPERATOR FAMILY app.loose USING btree ADD FUNCTION 1 (integer, app.pair) app.int_pair(integer, app.pair);
CREATE OPERATOR CLASS app.own_family FOR TYPE integer USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(integer);
CREATE TABLE app.paired (p app.pair);
CREATE INDEX paired_p ON app.paired (p app.pairs);

CREATE CONVERSION app.convert FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
COMMENT ON CONVERSION app.convert IS 'to unicode';
CREATE COLLATION app.plain_c FROM "C";
COMMENT ON COLLATION app.plain_c IS 'bytes';
CREATE TABLE app.collated (t text COLLATE app.plain_c);
CREATE TEXT SEARCH TEMPLATE app.template (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY app.stops (TEMPLATE = pg_catalog.simple, accept = 'false');
CREATE TEXT SEARCH DICTIONARY app.of_template (TEMPLATE = app.template);
CREATE TEXT SEARCH PARSER app.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype,
    HEADLINE = prsd_headline);
CREATE TEXT SEARCH CONFIGURATION app.words (PARSER = app.parser);
ALTER TEXT SEARCH CONFIGURATION app.words ADD MAPPING FOR asciiword, word WITH app.stops, pg_catalog.simple;
COMMENT ON TEXT SEARCH CONFIGURATION app.words IS 'words';
CREATE INDEX plain_words ON app.plain USING gin (to_tsvector('app.words', note));
CREATE FUNCTION app.tongue_handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION app.tongue_inline(internal) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION app.tongue_check(oid) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE LANGUAGE tongue HANDLER app.tongue_handler INLINE app.tongue_inline VALIDATOR app.tongue_check;
COMMENT ON LANGUAGE tongue IS 'spoken';
CREATE FUNCTION app.spoken() RETURNS void LANGUAGE tongue AS 'BEGIN END';
CREATE ACCESS METHOD heap_again TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE app.again (id integer) USING heap_again;
CREATE FOREIGN DATA WRAPPER wrapper OPTIONS ("de bug" 'it''s');
COMMENT ON FOREIGN DATA WRAPPER wrapper IS 'wraps';
CREATE SERVER far TYPE 'some' VERSION '1' FOREIGN DATA WRAPPER wrapper OPTIONS (host 'there');

CREATE TYPE app.shell;
CREATE TYPE app.base;
CREATE FUNCTION app.base_in(cstring) RETURNS app.base LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION app.base_out(app.base) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE app.base (INPUT = app.base_in, OUTPUT = app.base_out, LIKE = text, CATEGORY = 'X', DELIMITER = ';', DEFAULT = 'it''s');
COMMENT ON TYPE app.base IS 'like text';
CREATE TABLE app.based (b app.base, bs app.base[]);

-- routines with every word
CREATE FUNCTION app.pg_rank() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE STRICT AS 'window_rank';
CREATE FUNCTION app.starts(text, text) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE COST 3
    SUPPORT pg_catalog.text_starts_with_support AS 'text_starts_with';
CREATE FUNCTION app.either(anycompatible, anycompatible, OUT first anycompatible, INOUT n integer DEFAULT app.double(4))
    LANGUAGE sql CALLED ON NULL INPUT PARALLEL RESTRICTED AS 'SELECT $1, n';
CREATE FUNCTION app.all_of(VARIADIC "any") RETURNS integer LANGUAGE internal AS 'pg_num_nulls';
CREATE PROCEDURE app.set_things(IN a integer, VARIADIC rest text[] DEFAULT '{}') LANGUAGE plpgsql SECURITY DEFINER
    SET "DateStyle" = 'ISO, DMY' SET search_path = '' SET app.custom = 'it''s' AS 'BEGIN END';
CREATE FUNCTION app.table_of(app.small DEFAULT 5) RETURNS SETOF app.plain LANGUAGE sql STABLE ROWS 33
    BEGIN ATOMIC SELECT * FROM app.plain WHERE id > $1 UNION ALL SELECT * FROM ONLY app.plain p WHERE p.id IS NULL ORDER BY 1; END;
CREATE PROCEDURE app.writes(INOUT app.small) LANGUAGE sql
    BEGIN ATOMIC INSERT INTO app.other AS o (id, day) VALUES ($1, CURRENT_DATE) ON CONFLICT (id) DO UPDATE SET day = excluded.day
        WHERE o.id > 0; DELETE FROM app.other USING app.plain p WHERE other.plain = p.id; SELECT $1; END;
CREATE TRANSFORM FOR bigint LANGUAGE plpgsql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int8recv(internal));
COMMENT ON TRANSFORM FOR bigint LANGUAGE plpgsql IS 'to and fro';
CREATE FUNCTION app.transformed(bigint) RETURNS bigint LANGUAGE plpgsql TRANSFORM FOR TYPE bigint AS 'BEGIN RETURN 1; END';

-- operators and classes with every word
CREATE OPERATOR app.<>< (LEFTARG = app.pair, RIGHTARG = app.pair, FUNCTION = app.pair_less, NEGATOR = OPERATOR(app.>=<));
CREATE OPERATOR app.>=< (LEFTARG = app.pair, RIGHTARG = app.pair, FUNCTION = app.pair_more, NEGATOR = OPERATOR(app.<><));
CREATE OPERATOR CLASS app.points FOR TYPE point USING gist AS
    OPERATOR 11 |>> (point, point), OPERATOR 15 <-> (point, point) FOR ORDER BY float_ops,
    FUNCTION 1 gist_point_consistent(internal, point, smallint, oid, internal), FUNCTION 2 gist_box_union(internal, internal),
    FUNCTION 3 gist_point_compress(internal), FUNCTION 5 gist_box_penalty(internal, internal, internal),
    FUNCTION 6 gist_box_picksplit(internal, internal), FUNCTION 7 gist_box_same(box, box, internal),
    FUNCTION 8 gist_point_distance(internal, point, smallint, oid, internal), FUNCTION 9 gist_point_fetch(internal), STORAGE box;
CREATE TABLE app.pointed (p point, q point);
CREATE INDEX pointed_p ON app.pointed USING gist (p app.points, q);
CREATE OPERATOR CLASS app.backwards DEFAULT FOR TYPE app.base USING btree AS
    OPERATOR 1 > (text, text), OPERATOR 2 >= (text, text), OPERATOR 3 = (text, text), OPERATOR 4 <= (text, text),
    OPERATOR 5 < (text, text), FUNCTION 1 (app.base, app.base) bttextcmp(text, text);
CREATE CAST (app.base AS bytea) WITHOUT FUNCTION;
CREATE DEFAULT CONVERSION "Odd.Schema"."con version" FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE FOREIGN DATA WRAPPER validated VALIDATOR postgresql_fdw_validator;
CREATE SERVER near FOREIGN DATA WRAPPER validated OPTIONS (host 'there', dbname 'it''s', port '5432');
COMMENT ON SERVER near IS 'close';
COMMENT ON OPERATOR FAMILY app.loose USING btree IS 'loose';
COMMENT ON TEXT SEARCH DICTIONARY app.stops IS 'dictionary';
COMMENT ON TEXT SEARCH PARSER app.parser IS 'parser';
COMMENT ON TEXT SEARCH TEMPLATE app.template IS 'template';
COMMENT ON ACCESS METHOD heap_again IS 'again';

-- views, rules, triggers, policies, statistics with every word
CREATE VIEW app.cascaded (a, "B b") WITH (security_barrier = true) AS SELECT id, note FROM app.checked WHERE id < 100 WITH CASCADED CHECK OPTION;
CREATE VIEW app.windows AS
    WITH RECURSIVE up (n) AS (SELECT 1 UNION SELECT n + 1 FROM up WHERE n < 3), raw AS MATERIALIZED (SELECT * FROM app.other)
    SELECT DISTINCT ON (p.kind) p.kind, sum(p.amount) FILTER (WHERE p.id > 1) OVER w AS total, rank() OVER (w ROWS 2 PRECEDING) AS place,
        array(SELECT n FROM up) AS ups, CASE WHEN p.note ~~ '%x' THEN p.note COLLATE "C" END AS c, r.day AT TIME ZONE 'UTC' AS utc,
        grouping.g, EXTRACT(year FROM r.day) AS y, p.*::app.plain AS whole, (ROW(1, 2)::app.pair).a AS a
    FROM app.plain p LEFT JOIN raw r ON r.plain = p.id CROSS JOIN LATERAL (SELECT count(*) AS g FROM app.other GROUP BY GROUPING SETS ((plain), ())
        LIMIT 1) grouping
    WINDOW w AS (PARTITION BY p.kind ORDER BY p.amount NULLS FIRST) ORDER BY p.kind, p.id FETCH FIRST 5 ROWS WITH TIES;
CREATE VIEW app.alone AS SELECT plain.id, plain.id AS again, (SELECT max(o.id) FROM app.other o WHERE o.plain = plain.id) AS most
    FROM app.plain AS plain WHERE plain.id IN (SELECT plain FROM app.other WHERE plain.note IS NOT NULL) GROUP BY plain.id HAVING count(*) > 0;
-- FROM inside an expression, before the columns of a view's only table
CREATE TABLE app.timed (id integer PRIMARY KEY, at timestamptz, a text, b text, x xml, y text DEFAULT xmlserialize(CONTENT NULL::xml AS text));
CREATE VIEW app.years AS SELECT extract(year FROM at) AS y, extract(epoch FROM at - '2026-01-01'::timestamptz) FROM app.timed;
CREATE VIEW app.unlike AS SELECT id FROM app.timed WHERE a IS DISTINCT FROM b AND a IS NOT DISTINCT FROM lower(b);
CREATE MATERIALIZED VIEW app.cut AS SELECT trim(LEADING b FROM a) AS t, trim(BOTH FROM a) AS u, substring(a FROM id FOR 2) AS s,
    substring(a SIMILAR b ESCAPE '#') AS v, overlay(a PLACING b FROM id FOR 2) AS o, position(a IN b) AS p FROM app.timed;
CREATE VIEW app.as_text AS SELECT xmlserialize(CONTENT x AS text) AS t, xmlserialize(DOCUMENT x AS varchar(9)) AS v FROM app.timed;
CREATE FUNCTION app.serialized(xml) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT xmlserialize(CONTENT $1 AS text); END;
CREATE TABLE app.xml_kept (x xml, CHECK (xmlserialize(CONTENT x AS text) <> ''), t text GENERATED ALWAYS AS (xmlserialize(CONTENT x AS text)) STORED);
-- names that are words: of every version, and of 16 and 17 only
CREATE VIEW app."user" AS SELECT id AS "order", id AS json_value, id AS "where" FROM app.plain;
COMMENT ON VIEW app."user" IS 'of a word';
COMMENT ON COLUMN app."user"."order" IS 'order';
COMMENT ON COLUMN app."user".json_value IS 'value';
CREATE MATERIALIZED VIEW app.json_scalar AS SELECT id AS "where", note AS system_user FROM app.plain;
COMMENT ON COLUMN app.json_scalar."where" IS 'where';
COMMENT ON COLUMN app.json_scalar."system_user" IS 'who';
CREATE VIEW app.merge_action AS SELECT 1 AS one;
COMMENT ON VIEW app.merge_action IS 'of a later word';
CREATE FUNCTION app.json_exists(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
COMMENT ON FUNCTION app.json_exists(text) IS 'of a later word';
CREATE TABLE app.json_table (id integer PRIMARY KEY, "system_user" text, "order" integer);
COMMENT ON COLUMN app.json_table."system_user" IS 'who';
COMMENT ON COLUMN app.json_table."order" IS 'order';
CREATE INDEX json_query ON app.json_table ("order");
ALTER TABLE app.json_table CLUSTER ON json_query;
CREATE FUNCTION app.json_row(app.json_table) RETURNS integer LANGUAGE sql AS 'SELECT $1.id';
COMMENT ON FUNCTION app.json_row(app.json_table) IS 'of a row';
CREATE RULE json_array AS ON DELETE TO app.json_table DO INSTEAD NOTHING;
COMMENT ON RULE json_array ON app.json_table IS 'never';
CREATE TRIGGER json_object BEFORE UPDATE ON app.json_table FOR EACH ROW EXECUTE FUNCTION app.touch();
COMMENT ON TRIGGER json_object ON app.json_table IS 'touches';
CREATE POLICY json_serialize ON app.json_table USING (true);
COMMENT ON POLICY json_serialize ON app.json_table IS 'all';
CREATE RULE notify AS ON INSERT TO app.other DO ALSO NOTIFY changed, 'it''s';
ALTER TABLE app.other ENABLE ALWAYS RULE notify;
CREATE RULE several AS ON UPDATE TO app.seen WHERE new.id > 5 DO INSTEAD (
    UPDATE app.plain SET note = new."No te" WHERE id = old.id; DELETE FROM app.other WHERE plain = old.id);
CREATE RULE otherwise AS ON UPDATE TO app.seen DO INSTEAD NOTHING;
CREATE TRIGGER truncated BEFORE TRUNCATE ON app.plain FOR EACH STATEMENT EXECUTE FUNCTION app.touch();
CREATE TRIGGER many AFTER INSERT OR DELETE OR UPDATE ON app.plain FOR EACH ROW WHEN (pg_trigger_depth() < 2) EXECUTE FUNCTION app.touch();
CREATE POLICY changes ON app.plain FOR UPDATE TO PUBLIC USING (true) WITH CHECK (note <> '%s {x}');
CREATE POLICY removals ON app.plain FOR DELETE TO CURRENT_USER USING (app.double(id) > 5);
CREATE POLICY of_part ON app.parted FOR ALL USING (id > 1);
ALTER TABLE app.parted ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE STATISTICS "Odd.Schema"."Sta tistics" (ndistinct) ON id, day FROM app.parted;
CREATE STATISTICS app.everything (ndistinct, dependencies, mcv) ON id, (id + 1), (note || 'x') FROM app.plain;

-- circles: a domain's check, a table's default, a function's default, a view and a table's row type need one another
CREATE TABLE app.ring_base (id integer PRIMARY KEY, worth integer);
CREATE FUNCTION app.ring_ok(integer) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';
CREATE DOMAIN app.ring AS integer CHECK (app.ring_ok(VALUE));
CREATE VIEW app.ring_view AS SELECT id, worth::app.ring AS ringed FROM app.ring_base;
CREATE FUNCTION app.ring_next(app.ring_view, app.ring DEFAULT 1) RETURNS app.ring LANGUAGE sql STABLE AS 'SELECT $2';
ALTER TABLE app.ring_base ALTER COLUMN worth SET DEFAULT app.ring_next(NULL::app.ring_view);
CREATE FUNCTION app.ring_row(app.ring_base) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
ALTER TABLE app.ring_base ADD CHECK (app.ring_row(ring_base.*) = 1);
CREATE INDEX ring_expression ON app.ring_base (app.ring_row(ring_base.*));

-- what is made before the rows, and needs what is built after them: a unique constraint, an index; and what needs that in turn
CREATE TABLE app.upserted (id integer PRIMARY KEY, a integer CONSTRAINT upserted_a UNIQUE);
CREATE FUNCTION app.upsert() RETURNS integer LANGUAGE sql
    BEGIN ATOMIC INSERT INTO app.upserted VALUES (1, 2) ON CONFLICT ON CONSTRAINT upserted_a DO NOTHING RETURNING id; END;
COMMENT ON FUNCTION app.upsert() IS 'once';
CREATE INDEX upserted_both ON app.upserted (a, id);
CREATE MATERIALIZED VIEW app.index_size AS SELECT pg_relation_size('app.upserted_both'::regclass) AS bytes;
CREATE INDEX index_size_bytes ON app.index_size (bytes);
CREATE VIEW app.a_size AS SELECT app.upsert() AS n, pg_relation_size('app.index_size_bytes'::regclass) AS bytes;
CREATE RULE quiet AS ON DELETE TO app.a_size DO INSTEAD NOTHING;

-- a type that only its own operator class says how to sort
CREATE TYPE app.coin;
CREATE FUNCTION app.coin_in(cstring) RETURNS app.coin LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION app.coin_out(app.coin) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE app.coin (INPUT = app.coin_in, OUTPUT = app.coin_out, LIKE = integer);
CREATE FUNCTION app.coin_less(app.coin, app.coin) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4lt';
CREATE FUNCTION app.coin_same(app.coin, app.coin) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION app.coin_compare(app.coin, app.coin) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
CREATE OPERATOR app.< (LEFTARG = app.coin, RIGHTARG = app.coin, FUNCTION = app.coin_less);
CREATE OPERATOR app.= (LEFTARG = app.coin, RIGHTARG = app.coin, FUNCTION = app.coin_same);
CREATE OPERATOR CLASS app.coins DEFAULT FOR TYPE app.coin USING btree AS
    OPERATOR 1 app.<, OPERATOR 3 app.=, FUNCTION 1 app.coin_compare(app.coin, app.coin);
CREATE TABLE app.purse (c app.coin);
CREATE VIEW app.a_coins AS SELECT DISTINCT c FROM app.purse;

-- circles that are opened by a shell, by a domain without its check, by two views at once
CREATE TYPE app.whole_range;
CREATE FUNCTION app.whole(app.whole_range) RETURNS app.whole_range LANGUAGE internal IMMUTABLE STRICT AS 'int4range_canonical';
CREATE TYPE app.whole_range AS RANGE (subtype = integer, canonical = app.whole);
CREATE VIEW app.a_whole AS SELECT app.whole_range(1, 5) AS span;
CREATE DOMAIN app.code AS text DEFAULT 'none';
CREATE TABLE app.codes (c app.code PRIMARY KEY);
CREATE FUNCTION app.known(text) RETURNS boolean LANGUAGE sql
    BEGIN ATOMIC SELECT EXISTS (SELECT FROM app.codes WHERE c::text = $1); END;
ALTER DOMAIN app.code ADD CONSTRAINT is_known CHECK (app.known(VALUE));
CREATE VIEW app.one_side AS SELECT 1 AS n;
CREATE VIEW app.other_side AS SELECT 2 AS n;
CREATE FUNCTION app.between(app.one_side, app.other_side) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE OR REPLACE VIEW app.one_side AS SELECT app.between(NULL::app.one_side, NULL::app.other_side) AS n;
CREATE OR REPLACE VIEW app.other_side AS SELECT app.between(NULL::app.one_side, NULL::app.other_side) AS n;

-- small things of materialized views, identities and shells
COMMENT ON INDEX app.index_size_bytes IS 'of a stored view';
CREATE MATERIALIZED VIEW app.tuned WITH (fillfactor = 60, toast.autovacuum_enabled = false, autovacuum_enabled = false) AS
    SELECT id, note FROM app.plain;
ALTER MATERIALIZED VIEW app.tuned ALTER COLUMN id SET (n_distinct = -0.5), ALTER COLUMN id SET STATISTICS 5;
ALTER MATERIALIZED VIEW app.tuned REPLICA IDENTITY FULL;
CREATE TABLE app.numbered (id integer GENERATED ALWAYS AS IDENTITY);
COMMENT ON SEQUENCE app.numbered_id_seq IS 'comes with its column';
COMMENT ON TYPE app.shell IS 'not filled yet';
ALTER FUNCTION app.double(integer) DEPENDS ON EXTENSION plpgsql;
ALTER PROCEDURE app.nothing DEPENDS ON EXTENSION plpgsql;
ALTER MATERIALIZED VIEW app.tuned DEPENDS ON EXTENSION plpgsql;
ALTER TRIGGER touched ON app.plain DEPENDS ON EXTENSION plpgsql;
