-- What is named like a keyword of a later version, in every kind of text that PostgreSQL spells: before 16 it leaves "system_user" bare,
-- which later versions read as a function of their own; before 17 "json" and the like, which name no parameter and no schema any more.
CREATE SCHEMA app;
CREATE FUNCTION app.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TABLE app.t (
    id integer PRIMARY KEY, "system_user" text DEFAULT 'x' NOT NULL, other text, "json" jsonb DEFAULT '{}', "json_value" text, "merge_action" integer,
    made text GENERATED ALWAYS AS ("system_user" || 'system_user'::text) STORED,
    CONSTRAINT named CHECK ("system_user" <> '' AND "json_value" <> 'json' AND "merge_action" > 0)
);
CREATE INDEX t_expression ON app.t ("system_user", lower("system_user"), "json") INCLUDE (other) WHERE "system_user" <> 'a';
ALTER TABLE app.t ADD CONSTRAINT t_key UNIQUE ("system_user");
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.t USING ("system_user" = current_user) WITH CHECK (other = "system_user" AND "json" IS NOT NULL);
CREATE POLICY "system_user" ON app.t USING (true);
CREATE STATISTICS app.expressions ON (lower("system_user")), ("json" -> 'a'::text) FROM app.t;
CREATE STATISTICS app.columns ON "system_user", other FROM app.t;
CREATE TRIGGER touched BEFORE UPDATE OF "system_user" ON app.t FOR EACH ROW
    WHEN (new."system_user" IS DISTINCT FROM old."system_user") EXECUTE FUNCTION app.fires();
CREATE TRIGGER "system_user" AFTER INSERT ON app.t REFERENCING NEW TABLE AS "system_user" FOR EACH STATEMENT EXECUTE FUNCTION app.fires();
CREATE RULE changed AS ON UPDATE TO app.t WHERE new."system_user" = 'no' DO ALSO
    UPDATE app.t SET "system_user" = 'u', "json" = NULL WHERE "system_user" = 'k' AND id = old.id;
CREATE RULE "system_user" AS ON DELETE TO app.t DO ALSO NOTIFY "system_user";

CREATE VIEW app.grouped AS SELECT "system_user", "json_value", count(*) FROM app.t GROUP BY "system_user", "json_value" ORDER BY "system_user";
CREATE VIEW app.joined AS SELECT * FROM app.t JOIN (SELECT 'q'::text AS "system_user", '{}'::jsonb AS "json") s USING ("system_user", "json");
CREATE VIEW app.common AS WITH "system_user" AS (SELECT 1 AS a) SELECT "system_user".a FROM "system_user";
CREATE VIEW app.aliased AS SELECT "system_user".id, "json".id AS "json" FROM app.t "system_user", app.t "json";
CREATE VIEW app.windowed AS SELECT max(id) OVER "system_user" FROM app.t WINDOW "system_user" AS (PARTITION BY other);
CREATE VIEW app.listed AS SELECT x."system_user", y.a FROM (VALUES (1)) AS x ("system_user"), (VALUES (1)) AS y (a);
CREATE VIEW app.inner_one AS SELECT (SELECT "system_user" FROM (SELECT 'a'::text AS "system_user") z) AS q;
CREATE VIEW app.typed AS SELECT '{}'::json AS a, json_object('{a,b}'::text[]) AS b, '[]'::json AS "json";
CREATE VIEW app."system_user" AS SELECT 1 AS "system_user";
CREATE MATERIALIZED VIEW app.stored AS SELECT "system_user" FROM app.t WHERE "system_user" > 'a';
CREATE INDEX stored_some ON app.stored ("system_user") WHERE "system_user" IS NOT NULL;

CREATE FUNCTION app.standard("system_user" text) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT "system_user"; END;
CREATE FUNCTION app.out_too("json" json DEFAULT '{}', OUT "json_value" text, INOUT "merge_action" text DEFAULT 'a') LANGUAGE sql AS 'SELECT $1, $2';
CREATE FUNCTION app.rows_of("json" jsonb) RETURNS TABLE ("json_array" text, "system_user" json[]) LANGUAGE sql AS 'SELECT NULL::text, NULL::json[]';
CREATE FUNCTION app."system_user"() RETURNS text LANGUAGE sql AS $_$SELECT 'system_user'$_$;
CREATE FUNCTION app."json_value"("json" json) RETURNS text LANGUAGE sql AS 'SELECT "json"::text';
CREATE PROCEDURE app.told("json_table" json) LANGUAGE plpgsql AS 'BEGIN END';
CREATE AGGREGATE app.summed("json" integer) (SFUNC = int4pl, STYPE = integer);
CREATE VIEW app.called AS SELECT app.standard("system_user" => 'a') AS a, app."system_user"() AS b, app."json_value"("json" => '{}') AS c;
COMMENT ON FUNCTION app."json_value"(json) IS 'named like a function';

CREATE SCHEMA "system_user";
CREATE TYPE "system_user".kind AS ENUM ('a');
CREATE TYPE "system_user"."json" AS ("system_user" "system_user".kind, "json" json);
CREATE DOMAIN "system_user".named AS "system_user".kind DEFAULT 'a'::"system_user".kind CONSTRAINT "system_user" CHECK (VALUE = 'a');
CREATE FUNCTION "system_user".same("system_user".kind) RETURNS "system_user".kind LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE COLLATION "system_user"."system_user" FROM "C";
CREATE SEQUENCE "system_user"."system_user";
CREATE SCHEMA "json";
CREATE TYPE "json"."json_value" AS ENUM ('a');
CREATE TABLE "json"."json" (
    "json" "json"."json_value" DEFAULT 'a', several "json"."json_value"[], kind "system_user".kind, whole "system_user"."json",
    note text COLLATE "system_user"."system_user", number bigint DEFAULT nextval('"system_user"."system_user"'),
    CONSTRAINT same CHECK ("system_user".same(kind) = 'a')
);
CREATE SEQUENCE app."json" OWNED BY app.t."merge_action";
ALTER TABLE app.t ALTER "merge_action" SET DEFAULT nextval('app."json"');
CREATE INDEX json_note ON "json"."json" (note COLLATE "system_user"."system_user", "system_user".same(kind));
CREATE FUNCTION "system_user".number("system_user".kind) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE CAST ("system_user".kind AS integer) WITH FUNCTION "system_user".number("system_user".kind);
CREATE FUNCTION "system_user".added("system_user".kind, integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR "system_user".~+~ (LEFTARG = "system_user".kind, RIGHTARG = integer, FUNCTION = "system_user".added);
CREATE VIEW "json".v AS SELECT "system_user".same('a') AS x, "json"."json", 'a'::"system_user".kind OPERATOR("system_user".~+~) 2 AS y FROM "json"."json";
COMMENT ON FUNCTION "system_user".same("system_user".kind) IS 'of a schema';
COMMENT ON COLUMN app.t."system_user" IS 'who';
COMMENT ON CONSTRAINT "system_user" ON DOMAIN "system_user".named IS 'of a domain';

CREATE TABLE app.parts ("system_user" text, "json" integer) PARTITION BY RANGE ("system_user", lower("system_user"), "json");
CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES FROM ('a', 'a', 1) TO ('b', 'b', 2);
CREATE TABLE app.excluding ("system_user" int4range, EXCLUDE USING gist ("system_user" WITH &&) WHERE ("system_user" IS NOT NULL));
CREATE TABLE app.referring (
    a text REFERENCES app.t ("system_user"), "system_user" text REFERENCES app.t ("system_user") ON DELETE SET NULL ("system_user")
);
CREATE PUBLICATION a_few FOR TABLE app.t (id, "system_user") WHERE ("system_user" = 'a');
ALTER TABLE ONLY app.t REPLICA IDENTITY USING INDEX t_key;
CREATE PUBLICATION "system_user" FOR TABLE "json"."json", TABLES IN SCHEMA "system_user";
GRANT EXECUTE ON FUNCTION "system_user".same("system_user".kind) TO CURRENT_USER WITH GRANT OPTION;
