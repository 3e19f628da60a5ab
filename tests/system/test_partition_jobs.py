"""Partitions that come and go on the source while it is replicated, by nightly jobs under write load. All on real servers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Event

import psycopg
import pytest

from migrator.config import MappingSpec, PartitionMaintenance
from migrator.machines.cluster import Cluster
from migrator.steps import Finding, Status
from migrator.tick.reconcile import Assessment, assess, drive
from tests.system.scenario import checksums, describe, drive_until, mapping, to_the_light

Clusters = Callable[..., Cluster]

EVENTS = """
CREATE TABLE event (id bigint GENERATED ALWAYS AS IDENTITY, day int NOT NULL, body text, PRIMARY KEY (id, day),
                    CONSTRAINT body_given CHECK (body <> '')) PARTITION BY RANGE (day);
CREATE INDEX event_body ON event (body);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (2);
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (2) TO (3);
CREATE TABLE event_rest PARTITION OF event DEFAULT;
CREATE TABLE plain (id int PRIMARY KEY, event bigint);
INSERT INTO event (day, body) SELECT 1 + g % 2, 'e' || g FROM generate_series(1, 1000) g;
"""

TOMORROW = """
BEGIN;
LOCK TABLE event_rest;
CREATE TABLE event_3 (LIKE event INCLUDING ALL);
WITH moved AS (DELETE FROM event_rest WHERE day = 3 RETURNING *)
    INSERT INTO event_3 (id, day, body) OVERRIDING SYSTEM VALUE SELECT id, day, body FROM moved;
ALTER TABLE event_3 ALTER id DROP IDENTITY IF EXISTS;
ALTER TABLE event ATTACH PARTITION event_3 FOR VALUES FROM (3) TO (4);
COMMIT;
"""
"""As partition managers do it: what waited in the default partition is moved."""


def begun(
    cluster: Clusters, versions: tuple[int, int], maintenance: PartitionMaintenance
) -> tuple[Cluster, Cluster, MappingSpec]:
    """Both servers with the sample at the light."""
    source, destination = cluster(versions[0]), cluster(versions[1])
    source.execute("CREATE DATABASE shop")
    source.execute(EVENTS, "shop")
    spec = replace(mapping(source, destination), partition_maintenance=maintenance)
    (told,) = found(assess(spec), "partitions_followed")
    assert f"(partition_maintenance: {maintenance})" in told.message and "partition_maintenance" in told.remedy
    assert not found(to_the_light(spec), "partitions_followed"), "from then on it is done"
    return source, destination, spec


@contextmanager
def writing(source: Cluster, *days: int) -> Iterator[None]:
    """Somebody inserts into these days, and changes and deletes, some hundred times a second."""
    stop = Event()

    def write() -> None:
        with source.connect("shop") as session:
            for number in range(1_000_000):
                if stop.wait(0.002):  # the destination of a small machine must be able to follow
                    return
                day = days[number % len(days)]
                with suppress(
                    psycopg.errors.DeadlockDetected, psycopg.errors.CheckViolation
                ):  # rows on their way as the tree changes
                    session.execute("INSERT INTO event (day, body) VALUES (%s, 'w')", (day,))
                    session.execute("UPDATE event SET body = 'u' WHERE day = %s AND id = %s", (day, number))
                    session.execute("DELETE FROM event WHERE day = %s AND id = %s", (day, number - 500))

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            yield
        finally:
            stop.set()
            writer.result()


def partitions(cluster: Cluster) -> list[str]:
    rows = cluster.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'event'::regclass ORDER BY 1", "shop"
    )
    return [name for (name,) in rows]


def has_table(cluster: Cluster, name: str) -> bool:
    return cluster.execute(f"SELECT to_regclass('{name}') IS NOT NULL", "shop") == [(True,)]


def apply_errors(destination: Cluster) -> int:
    [(count,)] = destination.execute("SELECT sum(apply_error_count)::int FROM pg_stat_subscription_stats")
    return int(count)


def found(assessment: Assessment, code: str) -> list[Finding]:
    return [finding for finding in assessment.decision.findings if finding.code == code]


def run_remedy(finding: Finding, destination: Cluster) -> None:
    """What stands behind the colon, as a person would paste it."""
    sql = finding.remedy.partition(": ")[2]
    destination.execute(sql[: sql.rindex(";")], "shop")


@pytest.mark.parametrize(
    ("versions", "days"), [((15, 18), (1, 2, 3, 4)), pytest.param((18, 18), (2, 3, 4), marks=pytest.mark.slow)]
)
def test_a_nightly_job_under_load_is_followed(
    cluster: Clusters, versions: tuple[int, int], days: tuple[int, ...]
) -> None:
    """Tomorrow's partition is made and filled, the oldest is dropped, and the light comes back.

    Rows that are still written to the dropped day go to the default partition, where apply halts until ours is detached.
    """
    source, destination, spec = begun(cluster, versions, PartitionMaintenance.CREATE_AND_DROP)
    seen: set[str] = set()

    def followed(assessment: Assessment) -> bool:
        seen.update(finding.code for finding in assessment.decision.findings if finding.blocking)
        return partitions(destination) == partitions(source) and assessment.status is Status.CUTOVER_READY

    with writing(source, *days):
        source.execute(TOMORROW, "shop")
        source.execute("DROP TABLE event_1", "shop")
        drive_until(spec, followed)
    assert partitions(destination) == ["event_2", "event_3", "event_rest"]
    assert not has_table(destination, "event_1")
    to_the_light(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert 1 in days or apply_errors(destination) == 0
    assert not seen & {"replication_broken", "relation_dropped", "schema_drift"}
    assert destination.execute("SELECT count(*) FROM migrator.relations WHERE relation = 'public.event_1'", "shop") == [
        (0,)
    ]


def test_a_detached_partition_is_kept_until_it_is_dropped(cluster: Clusters) -> None:
    source, destination, spec = begun(cluster, (15, 18), PartitionMaintenance.CREATE_AND_DROP)
    source.execute("ALTER TABLE event DETACH PARTITION event_1", "shop")
    drive_until(
        spec, lambda seen: partitions(destination) == ["event_2", "event_rest"] and seen.status is Status.CUTOVER_READY
    )
    assert has_table(destination, "event_1")
    source.execute("INSERT INTO event_1 (id, day, body) VALUES (1, 77, 'beyond the old bounds')", "shop")
    to_the_light(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")
    source.execute("DROP TABLE event_1; DROP TABLE plain", "shop")
    assessment = drive_until(
        spec, lambda seen: not has_table(destination, "event_1") and seen.status is Status.CUTOVER_READY
    )
    assert has_table(destination, "plain"), "only partitions are ever dropped"
    assert [finding.relation for finding in found(assessment, "relation_dropped")] == ["public.plain"]


def test_what_we_did_not_fill_is_never_dropped(cluster: Clusters) -> None:
    """Somebody put another table in the place of the partition that we filled."""
    source, destination, spec = begun(cluster, (15, 18), PartitionMaintenance.CREATE_AND_DROP)
    destination.execute(
        "DROP TABLE event_1; CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (2)", "shop"
    )
    destination.execute("INSERT INTO event (id, day, body) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'theirs')", "shop")
    source.execute("DROP TABLE event_1", "shop")
    drive_until(spec, lambda seen: bool(found(seen, "relation_dropped")))
    for _ in range(3):
        drive(spec)
    assert destination.execute("SELECT body FROM event_1", "shop") == [("theirs",)]


@pytest.mark.finding("relation_dropped", "partitions_followed")
def test_by_default_a_tree_is_followed_and_nothing_dropped(cluster: Clusters) -> None:
    source, destination, spec = begun(cluster, (15, 18), PartitionMaintenance.CREATE)
    source.execute(TOMORROW, "shop")
    source.execute("DROP TABLE event_1; ALTER TABLE event DETACH PARTITION event_2", "shop")
    assessment = drive_until(
        spec,
        lambda seen: partitions(destination) == ["event_3", "event_rest"] and seen.status is Status.CUTOVER_READY,
    )
    [finding] = found(assessment, "relation_dropped")
    assert finding.relation == "public.event_1"
    run_remedy(finding, destination)
    assessment = to_the_light(spec)
    assert not found(assessment, "relation_dropped")
    source.execute("CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (2)", "shop")
    source.execute("INSERT INTO event (day, body) VALUES (1, 'the name is used again')", "shop")
    source.execute("ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM (2) TO (3)", "shop")
    drive_until(
        spec,
        lambda seen: partitions(destination) == partitions(source) and seen.status is Status.CUTOVER_READY,
    )
    assert len(partitions(source)) == 4
    assert checksums(source, "shop") == checksums(destination, "shop")


@pytest.mark.finding("partition_missing", "partition_detached")
def test_under_report_a_person_makes_and_detaches(cluster: Clusters) -> None:
    source, destination, spec = begun(cluster, (15, 18), PartitionMaintenance.REPORT)
    source.execute(TOMORROW, "shop")
    source.execute(
        "INSERT INTO event (day, body) VALUES (3, 'new'); ALTER TABLE event DETACH PARTITION event_2", "shop"
    )
    assessment = drive_until(spec, lambda seen: not any(seen.decision.actions))
    [missing], [detached] = found(assessment, "partition_missing"), found(assessment, "partition_detached")
    assert missing.blocking and not detached.blocking
    assert not has_table(destination, "event_3") and partitions(destination) != partitions(source), (
        "nothing is done by us"
    )
    for finding in (missing, detached):
        run_remedy(finding, destination)
    assessment = to_the_light(spec)
    assert not [finding for finding in assessment.decision.findings if finding.database], describe(assessment)
    assert partitions(destination) == partitions(source)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert apply_errors(destination) == 0


def test_dropped_while_it_is_copied(cluster: Clusters) -> None:
    """PostgreSQL would try to copy for ever what is gone, and refuse to drop its table on the destination meanwhile."""
    source, destination, spec = begun(cluster, (15, 18), PartitionMaintenance.CREATE_AND_DROP)
    source.execute("CREATE TABLE event_3 PARTITION OF event FOR VALUES FROM (3) TO (4)", "shop")
    drive_until(spec, lambda seen: has_table(destination, "event_3"))
    with destination.connect("shop") as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE event_3 IN SHARE MODE")  # the copy waits, looks do not
        drive_until(spec, lambda seen: admitted(destination) == [("i",)] or admitted(destination) == [("d",)])
        source.execute("DROP TABLE event_3", "shop")
    drive_until(spec, lambda seen: not has_table(destination, "event_3") and seen.status is Status.CUTOVER_READY)
    assert checksums(source, "shop") == checksums(destination, "shop")


def admitted(destination: Cluster) -> list[tuple[str]]:
    return destination.execute("SELECT srsubstate FROM pg_subscription_rel WHERE srrelid = 'event_3'::regclass", "shop")


@pytest.mark.finding("partition_detach_pending")
def test_a_detach_that_was_not_finished_is_told(cluster: Clusters) -> None:
    source, destination, spec = begun(cluster, (16, 18), PartitionMaintenance.CREATE_AND_DROP)
    source.execute("DROP TABLE event_rest", "shop")  # with a default partition there is no CONCURRENTLY
    drive_until(spec, lambda seen: not has_table(destination, "event_rest"))
    with source.connect("shop") as reader, reader.transaction():
        reader.execute("SELECT FROM event LIMIT 1")
        with source.connect("shop") as session, pytest.raises(psycopg.errors.QueryCanceled):
            session.execute("SET statement_timeout = '300ms'")
            session.execute("ALTER TABLE event DETACH PARTITION event_1 CONCURRENTLY")
    assessment = to_the_light(spec)
    [finding] = found(assessment, "partition_detach_pending")
    run_remedy(finding, source)
    drive_until(spec, lambda seen: partitions(destination) == ["event_2"] and seen.status is Status.CUTOVER_READY)
    assert has_table(destination, "event_1")
