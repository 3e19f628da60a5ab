"""The source dies after the light: the destination is completed without it, and can be written to afterwards."""

import time
from collections.abc import Callable

import psycopg
import pytest

from migrator import control
from migrator.config import DatabaseSelection
from migrator.machines.cluster import Cluster
from migrator.tick.standing_alone import standing_alone
from tests.system.scenario import mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]

MORE = """
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "audit
it" AFTER INSERT ON customer FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE customer ENABLE ALWAYS TRIGGER "audit
it";
CREATE TRIGGER ordinary AFTER INSERT ON customer FOR EACH ROW EXECUTE FUNCTION note();
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION note_ddl();
CREATE SEQUENCE down INCREMENT -1;
CREATE SEQUENCE shared;
CREATE DOMAIN number AS int;
CREATE TABLE below (id int PRIMARY KEY DEFAULT nextval('down'));
CREATE TABLE one (id number PRIMARY KEY DEFAULT nextval('shared'));
CREATE TABLE "t'wo" ("Id" bigint PRIMARY KEY DEFAULT nextval('shared'));
CREATE TABLE worded (id text PRIMARY KEY DEFAULT 'w' || nextval('invoice_number'));
CREATE TABLE untouched (id serial PRIMARY KEY);
"""

INSERTS = (
    "INSERT INTO customer (name) VALUES ('late')",
    "INSERT INTO orders (day, customer, net) VALUES ('2026-02-02', 1, 1)",
    "INSERT INTO below DEFAULT VALUES",
    "INSERT INTO one DEFAULT VALUES",
    """INSERT INTO "t'wo" DEFAULT VALUES""",
)


def run(script: str, destination: Cluster) -> None:
    """As psql would: each line of statements in the database connected to before it."""
    database = ""
    for line in script.splitlines():
        if line.startswith("\\connect "):
            database = line.split(" ", 1)[1]
        elif not line.startswith("--"):
            destination.execute(line, database)


def test_ids_are_handed_out_beyond_those_in_use(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    seed(source)
    source.execute(MORE, "shop")
    spec = mapping(source, destination, databases=DatabaseSelection(include=("shop",)))
    to_the_light(spec)
    for _ in range(20):
        source.execute("; ".join(INSERTS), "shop")
    arrived = "SELECT count(*) FROM customer"
    while destination.execute(arrived, "shop") != source.execute(arrived, "shop"):
        time.sleep(0.1)
    time.sleep(1)
    source.stop()

    with pytest.raises(psycopg.errors.UniqueViolation):
        destination.execute(INSERTS[0], "shop")
    script = standing_alone(spec)
    assert script.splitlines()[0] == "\\connect shop"
    run(script, destination)
    assert control.complete(spec, source_gone=True).left == ()
    assert standing_alone(spec) == ""
    for _ in range(3):
        for statement in INSERTS:
            destination.execute(statement, "shop")
    assert destination.execute("SELECT min(id) FROM below", "shop") == [(-23,)]
    assert destination.execute("INSERT INTO untouched DEFAULT VALUES RETURNING id", "shop") == [(1,)]
    assert not [each for each in ours_left(destination) if "migrator.mappings" not in each]

    for told in (
        "SELECT setval('public.invoice_number', 1030);",
        "SELECT setval('public.countdown', -3);",
        'ALTER TABLE public.customer ENABLE ALWAYS TRIGGER "audit\n--   it";',
        "ALTER EVENT TRIGGER watching ENABLE;",
    ):
        assert f"--   {told}" in script
    assert "ordinary" not in script
