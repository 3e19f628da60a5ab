"""What changes on the source while it is replicated: a finding with the statement that mends it, or made by itself."""

from collections.abc import Callable

import pytest

from migrator.machines.cluster import Cluster
from migrator.steps import Finding, Status
from migrator.tick.reconcile import Assessment, drive
from tests.system.scenario import checksums, describe, drive_until, mapping, seed, to_the_light

Clusters = Callable[..., Cluster]

NEW = """
CREATE SCHEMA later;
CREATE TYPE later.mood AS ENUM ('fine');
CREATE FUNCTION later.double(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * n';
CREATE TABLE later.item (id int PRIMARY KEY, mood later.mood, customer bigint REFERENCES customer);
INSERT INTO later.item VALUES (1, 'fine', 1);
CREATE VIEW later.shown AS SELECT id, later.double(id) AS twice FROM later.item;
CREATE MATERIALIZED VIEW later.kept AS SELECT count(*) AS n FROM later.item;
CREATE SEQUENCE later.numbers;
CREATE INDEX item_mood ON later.item (mood);
CREATE INDEX customer_since ON customer (since);
ALTER TABLE customer ADD CONSTRAINT mail_given CHECK (mail <> '');
CREATE FUNCTION later.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION later.touch();
COMMENT ON TABLE customer IS 'Who buys.';
"""


def found(assessment: Assessment | None, code: str) -> list[Finding]:
    assert assessment is not None
    return [finding for finding in assessment.decision.findings if finding.code == code]


def mend(finding: Finding, destination: Cluster) -> None:
    destination.execute(finding.remedy.partition(": ")[2].partition(" -- ")[0], "shop")


@pytest.mark.finding("schema_drift", "object_extra")
def test_what_changes_meanwhile(cluster: Clusters) -> None:
    source, destination = cluster(15), cluster(18)
    seed(source)
    spec = mapping(source, destination)
    to_the_light(spec)

    source.execute(NEW, "shop")
    assessment = to_the_light(spec)
    assert not found(assessment, "schema_drift"), describe(assessment)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert destination.execute("SELECT twice, n FROM later.shown, later.kept", "shop") == [(2, 1)]

    # a column more stops apply at the first change: told in the first look
    source.execute("ALTER TABLE customer ADD COLUMN city text; UPDATE customer SET city = 'X' WHERE id < 10", "shop")
    source.execute(
        "ALTER TABLE orders ADD COLUMN paid boolean NOT NULL DEFAULT false; UPDATE orders SET paid = true", "shop"
    )
    drift = found(drive(spec), "schema_drift")
    assert all(finding.blocking for finding in drift)
    assert [finding.remedy.partition(" -- ")[0] for finding in drift] == [
        "On the destination: ALTER TABLE public.customer ADD COLUMN city text",
        "On the destination: ALTER TABLE public.orders ADD COLUMN paid boolean DEFAULT false NOT NULL",
    ], "one for the whole partition tree"
    for finding in drift:
        mend(finding, destination)
    to_the_light(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")

    # dropped on the source: told, blocking where it would refuse rows, never dropped by us
    source.execute(
        "DROP VIEW later.shown; ALTER TABLE customer DROP CONSTRAINT name_given; ALTER TABLE orders DROP COLUMN paid;"
        " ALTER TABLE later.item REPLICA IDENTITY FULL",
        "shop",
    )
    assessment = drive_until(spec, lambda seen: bool(found(seen, "schema_drift")))  # once all from before has arrived
    drift = found(assessment, "schema_drift")
    assert [finding.remedy for finding in drift] == ["On the destination: ALTER TABLE public.orders DROP column paid"]
    mend(drift[0], destination)
    assessment = drive_until(spec, lambda seen: bool(found(seen, "object_extra")))
    extra = sorted(found(assessment, "object_extra"), key=lambda finding: finding.blocking)
    assert [finding.blocking for finding in extra] == [False, True]
    assert "view later.shown" in extra[0].message and "name_given" in extra[1].message
    source.execute("INSERT INTO customer (name) VALUES ('')", "shop")
    mend(extra[1], destination)
    assessment = to_the_light(spec)
    assert [finding.blocking for finding in found(assessment, "object_extra")] == [False]
    mend(found(assessment, "object_extra")[0], destination)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert destination.execute("SELECT relreplident FROM pg_class WHERE relname = 'item'", "shop") == [("f",)]

    # and back: a replica identity that the source no longer has
    source.execute("ALTER TABLE later.item REPLICA IDENTITY DEFAULT", "shop")
    assessment = drive_until(spec, lambda seen: bool(found(seen, "object_extra")))
    mend(found(assessment, "object_extra")[0], destination)
    assessment = drive_until(spec, lambda seen: seen.status is Status.CUTOVER_READY)
    assert not found(assessment, "object_extra"), describe(assessment)
