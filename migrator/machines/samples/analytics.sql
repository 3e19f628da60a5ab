-- Wide rows and documents: what a warehouse of events looks like. :events rows of about 800 bytes.
SET ROLE analytics_owner;

CREATE SCHEMA events;
CREATE SCHEMA facts;

CREATE TABLE events.raw (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    session uuid NOT NULL DEFAULT gen_random_uuid(),
    source inet,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    body text
);

CREATE TABLE facts.daily (
    day date PRIMARY KEY,
    visitors integer, visits integer, pages bigint, bounces integer, carts integer, orders integer, returns integer,
    revenue numeric(18, 4), tax numeric(18, 4), shipping numeric(18, 4), discount numeric(18, 4),
    mean_seconds double precision, p50_seconds real, p99_seconds real, share_mobile real, share_new real,
    countries text[], top_pages jsonb, checksum bytea, open_at time, span interval, flags bit varying(16), note varchar(200)
);

INSERT INTO events.raw (at, source, kind, payload, body)
SELECT now() - n * interval '3 seconds', inet '10.0.0.0' + n % 65536, (ARRAY['view', 'click', 'buy'])[1 + n % 3],
       jsonb_build_object('n', n, 'page', '/p/' || n % 1000, 'agent', 'Mozilla/5.0', 'tags', jsonb_build_array(n % 7, n % 11)),
       repeat(md5(n::text), 18)
FROM generate_series(1, :events) n;

INSERT INTO facts.daily
SELECT date '2020-01-01' + n, n, n * 2, n * 3, n % 7, n % 9, n % 11, n % 3, n * 1.1, n * 0.19, n % 5, n % 4,
       sqrt(n), ln(n + 1), ln(n + 2), 0.5, 0.1, ARRAY['DE', 'FR'], jsonb_build_object('/', n), decode(md5(n::text), 'hex'),
       time '09:00' + n * interval '1 second', n * interval '1 hour', n::bit(16)::varbit(16), 'day ' || n
FROM generate_series(0, 2200) n;

CREATE INDEX raw_at ON events.raw (at);
CREATE INDEX raw_payload ON events.raw USING gin (payload jsonb_path_ops);
CREATE INDEX raw_kind ON events.raw (kind, ((payload ->> 'page')));

GRANT USAGE ON SCHEMA events, facts TO analytics_app, readers;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA events TO analytics_app;
GRANT SELECT ON ALL TABLES IN SCHEMA facts TO readers;
