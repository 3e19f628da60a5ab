"""A small instance to migrate, ways to drive it to the light, and the oracles: counts, checksums, what is left of ours."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.config import CopyMethod, MappingSpec, Replication
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.memory import Failures, Memory
from migrator.quote import identifier
from migrator.steps import Status
from migrator.tick.reconcile import Assessment, drive

SHOP = """
CREATE TYPE status AS ENUM ('new', 'paid', 'sent');
CREATE DOMAIN email AS text CHECK (value LIKE '%@%');
CREATE SEQUENCE invoice_number START 1000 INCREMENT 5;
CREATE SEQUENCE countdown START -1 INCREMENT -1 MINVALUE -100000 MAXVALUE -1;
CREATE TABLE customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL, mail email UNIQUE, since date DEFAULT current_date,
    CONSTRAINT name_given CHECK (name <> '')
);
CREATE TABLE orders (
    id bigserial, day date NOT NULL, customer bigint NOT NULL REFERENCES customer, state status DEFAULT 'new',
    net numeric(10,2) NOT NULL, gross numeric(12,4) GENERATED ALWAYS AS (net * 1.19) STORED,
    PRIMARY KEY (id, day)
) PARTITION BY RANGE (day);
CREATE TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (id);
CREATE TABLE orders_2026_a PARTITION OF orders_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE orders_2026_b PARTITION OF orders_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE orders_rest PARTITION OF orders DEFAULT;
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX customer_lower ON customer (lower(name)) WHERE since > '2000-01-01';
CREATE TABLE "Odd ""Name"".x" ("Key" int PRIMARY KEY, "Wert" jsonb);
CREATE SCHEMA "Zweites";
CREATE TABLE "Zweites".note (id int PRIMARY KEY, body text);
INSERT INTO customer (name, mail) SELECT 'c' || g, g || '@x' FROM generate_series(1, 500) g;
INSERT INTO orders (day, customer, net) SELECT date '2025-01-01' + g % 900, 1 + g % 500, g FROM generate_series(1, 5000) g;
INSERT INTO "Odd ""Name"".x" SELECT g, jsonb_build_object('n', g) FROM generate_series(1, 50) g;
SELECT nextval('invoice_number') FROM generate_series(1, 7);
SELECT nextval('countdown') FROM generate_series(1, 3);
"""

ROLES = """
CREATE ROLE shop_owner;
CREATE ROLE app LOGIN PASSWORD 'app-password-planted';
CREATE ROLE reader;
GRANT reader TO app;
ALTER ROLE app SET work_mem = '8MB';
"""

GRANTS = """
ALTER TABLE customer OWNER TO shop_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
GRANT INSERT, UPDATE ON customer TO app;
GRANT USAGE ON SEQUENCE invoice_number TO app;
"""

BY_EITHER = (CopyMethod.SNAPSHOT, pytest.param(CopyMethod.SUBSCRIPTION, marks=pytest.mark.slow))
"""The default of the two methods among the quick tests, the other among the slow ones."""

QUICK = Replication(stable_seconds=1.0, reconcile_interval_seconds=1.0, lock_timeout_seconds=2.0)


def seed(source: Cluster, database: str = "shop", *, roles: bool = True) -> None:
    """The sample database, its roles and its grants, on a source."""
    if roles:
        source.execute(ROLES)
    source.execute(f"CREATE DATABASE {identifier(database)}")
    source.execute(SHOP, database)
    source.execute(GRANTS, database)


def mapping(source: Cluster, destination: Cluster, name: str = "m", **fields: object) -> MappingSpec:
    """One mapping between two clusters, with quick thresholds. Schemas are not tried, unless `fields` say so."""
    spec = MappingSpec(name, source.spec("src"), destination.spec("dst"), QUICK, schema_trial=False)
    return replace(spec, **fields)  # type: ignore[arg-type]


def drive_until(
    spec: MappingSpec, done: Callable[[Assessment], bool], seconds: float = 90.0, memory: Failures | None = None
) -> Assessment:
    """Tick in this process until `done`; fails with the findings and waits when time is up."""
    memory, deadline = memory or Memory(), time.monotonic() + seconds
    with SchemaCache() as schemas:
        while True:
            assessment = drive(spec, memory, schemas)
            if assessment is not None and done(assessment):
                return assessment
            if time.monotonic() > deadline:
                assert assessment is not None
                raise AssertionError(describe(assessment))
            time.sleep(0.1)


def describe(assessment: Assessment) -> str:
    """Why a mapping is where it is."""
    lines = [f"status {assessment.status}, phase {assessment.summary['phase']}"]
    for step in assessment.decision.steps:
        lines += [f"{step.phase} {step.database}: action {action.summary}" for action in step.actions]
        lines += [f"{step.phase} {step.database}: wait {wait.message}" for wait in step.waits]
        lines += [f"{step.phase} {step.database}: {f.code} {f.message} {f.remedy}" for f in step.findings]
    return "\n".join(lines)


def to_the_light(spec: MappingSpec, seconds: float = 90.0) -> Assessment:
    """Tick until CUTOVER READY."""
    return drive_until(spec, lambda assessment: assessment.status is Status.CUTOVER_READY, seconds)


def checksums(cluster: Cluster, database: str) -> dict[str, tuple[object, ...]]:
    """Per table: count and an order-independent checksum over the rows as text."""
    tables = cluster.execute(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')",
        database,
    )
    return {
        table: cluster.execute(
            f"SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM ONLY {table} t", database
        )[0]
        for (table,) in tables
    }


def sequence_positions(cluster: Cluster, database: str) -> dict[str, tuple[object, ...]]:
    """last_value and is_called of every sequence, from the sequences themselves."""
    names = cluster.execute(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'S'",
        database,
    )
    return {name: cluster.execute(f"SELECT last_value, is_called FROM {name}", database)[0] for (name,) in names}


def ours_left(cluster: Cluster) -> list[str]:
    """Everything of ours on a cluster but the journal's intent rows: slots, publications, subscriptions, origins, sessions."""
    found = [f"slot {row[0]}" for row in cluster.execute("SELECT slot_name FROM pg_replication_slots")]
    found += [f"subscription {row[0]}" for row in cluster.execute("SELECT subname FROM pg_subscription")]
    found += [f"origin {row[0]}" for row in cluster.execute("SELECT roname FROM pg_replication_origin")]
    found += [f"session {name}" for name in _sessions(cluster)]
    databases = [row[0] for row in cluster.execute("SELECT datname FROM pg_database WHERE datallowconn")]
    for database in databases:
        found += [f"publication {row[0]}" for row in cluster.execute("SELECT pubname FROM pg_publication", database)]
        found += [
            f"{database}: relation migrator.{row[0]}"
            for row in cluster.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('migrator') AND relkind = 'r'",
                database,
            )
            if (database, row[0]) != ("postgres", "mappings")
        ]
    return found


def _sessions(cluster: Cluster) -> list[str]:
    """A server's process ends a moment after the session was closed: those that stay are meant."""
    ours = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator%'"
    deadline = time.monotonic() + 2
    while (found := cluster.execute(ours)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [name for (name,) in found]


def descendants(pid: int) -> list[int]:
    """Every process below this one, those started first before the others."""
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    own = [int(child) for child in listing.read_text().split()] if listing.exists() else []
    return own + [grandchild for child in own for grandchild in descendants(child)]


def invalid_indexes(cluster: Cluster, database: str) -> list[str]:
    """What a CREATE INDEX CONCURRENTLY that was stopped leaves behind."""
    rows = cluster.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1", database)
    return [row[0] for row in rows]
