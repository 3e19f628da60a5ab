"""The destination's disk is full in the middle of the copy: told, nothing lost, and it goes on once there is room."""

from dataclasses import replace

import pytest

from migrator.config import CopyMethod, MappingSpec
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.phases.failing import UNTIL_BLOCKING
from migrator.tick.reconcile import Assessment
from tests.faults.full_disk import SmallDisk, small_disk
from tests.faults.migration import Clusters
from tests.system.scenario import checksums, drive_until, mapping, ours_left, to_the_light

BIG = """
CREATE TABLE small (id int PRIMARY KEY);
INSERT INTO small SELECT generate_series(1, 1000);
CREATE TABLE big (id int PRIMARY KEY, filler text);
INSERT INTO big SELECT g, repeat(md5(g::text), 60) FROM generate_series(1, 30000) g;
"""
"""`big`: some 60 MB; `small` is to arrive all the same."""


def scene(cluster: Clusters, method: CopyMethod) -> tuple[Cluster, Cluster, MappingSpec]:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("ALTER DATABASE shop SET default_toast_compression = 'pglz'")
    source.execute(BIG, "shop")
    return source, destination, mapping(source, destination, copy_method=method)


def codes(assessment: Assessment) -> set[str]:
    return {finding.code for finding in assessment.decision.findings if finding.blocking}


def squeeze(spec: MappingSpec, disk: SmallDisk) -> None:
    """Room for the schema and little more, from the moment on that the schema stands."""
    drive_until(spec, lambda seen: seen.summary["phase"] in ("publication", "subscription"))
    disk.resize(10)


@pytest.mark.timeout(600)
@pytest.mark.finding("tablesync_failing")
def test_no_room_for_the_rows_that_postgresql_copies(cluster: Clusters) -> None:
    source, destination, spec = scene(cluster, CopyMethod.SUBSCRIPTION)
    with small_disk(destination, "base") as disk:
        squeeze(spec, disk)
        seen = drive_until(spec, lambda seen: "tablesync_failing" in codes(seen))
        (told,) = [entry for entry in seen.decision.findings if entry.code == "tablesync_failing"]
        assert "disk" in told.remedy or "room" in told.remedy
        assert destination.execute("SELECT count(*) FROM small", "shop") == [(1000,)]
        disk.resize(500)
        to_the_light(spec)
        assert checksums(source, "shop") == checksums(destination, "shop")


@pytest.mark.timeout(600)
def test_no_room_for_the_rows_that_we_copy(cluster: Clusters) -> None:
    """However often it is tried: what is in stays in, for the table is not at fault. The source is written all the while."""
    source, destination, spec = scene(cluster, CopyMethod.SNAPSHOT)
    spec = replace(spec, replication=replace(spec.replication, part_mb=1.0))
    with small_disk(destination, "base") as disk:
        squeeze(spec, disk)
        memory = Memory()
        seen = drive_until(spec, lambda seen: "action_failed" in codes(seen), memory=memory)
        (told,) = [entry for entry in seen.decision.findings if entry.code == "action_failed" and entry.blocking]
        assert told.relation == "public.big" and "No space left on device" in told.message
        assert told.remedy.startswith("Make room on that server's disk.")
        assert destination.execute("SELECT count(*) FROM small", "shop") == [(1000,)]
        before = parts_in(destination)
        assert len(before) > 1
        source.execute(WRITES, "shop")
        drive_until(spec, lambda _: memory_tries(memory) > UNTIL_BLOCKING, memory=memory)
        assert parts_in(destination) == before
        disk.resize(500)
        to_the_light(spec)
        assert parts_in(destination).items() >= before.items()
        assert checksums(source, "shop") == checksums(destination, "shop")


WRITES = """
DELETE FROM big WHERE id % 7 = 0;
UPDATE big SET filler = 'short' WHERE id % 5 = 0;
INSERT INTO big SELECT g, 'new' FROM generate_series(30001, 30100) g;
UPDATE small SET id = id + 5000;
"""


def parts_in(destination: Cluster) -> dict[int, object]:
    """The parts of `big` that are in, with the moment of each."""
    rows = "SELECT number, copied_at FROM migrator.parts WHERE relation = 'public.big' AND copied_at IS NOT NULL"
    return dict(destination.execute(rows, "shop"))


def memory_tries(memory: Memory) -> int:
    return max((failure.count for failure in memory.failures("m").values()), default=0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", CopyMethod)
def test_no_room_for_the_destinations_wal(cluster: Clusters, method: CopyMethod) -> None:
    """PostgreSQL stops itself then; it is told as what it is, and after a restart with room all goes on."""
    source, destination, spec = scene(cluster, method)
    with small_disk(destination, "pg_wal") as disk:
        squeeze(spec, disk)
        drive_until(spec, lambda seen: bool({"destination_unreachable", "action_failed"} & codes(seen)))
        assert "No space left on device" in destination.log()
        disk.resize(500)
        if not destination.running:
            destination.start()
        to_the_light(spec)
        assert checksums(source, "shop") == checksums(destination, "shop")
        assert not [left for left in ours_left(source) if "_sync_" in left]
