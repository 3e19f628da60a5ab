"""Copy method snapshot with real workers: whatever is killed, parts that are in stay in, and no row is lost or doubled."""

from pathlib import Path

import pytest

from migrator import control
from migrator.machines import samples
from migrator.machines.cluster import Cluster
from migrator.machines.samples.load import Load
from tests.faults.migration import FREELY, NOTHING, Clusters, end_well, stage
from tests.machine_room import MachineRoom, instance, machine_room, write_config

KEEPERS = ("worker-keepers-1", "worker-keepers-2")
STEADILY = 0.4
"""MB/s: parts come in one by one."""

Parts = dict[tuple[object, ...], object]


def configuration(directory: Path, source: Cluster, destination: Cluster) -> Path:
    """Small parts, brought slowly."""
    return write_config(
        directory, instance(source), instance(destination), {},
        databases={"include": list(samples.DATABASES)}, copy_method="snapshot",
        replication={"rate_limit_mbps": STEADILY, "part_mb": 0.2},
    )  # fmt: skip


def copied(destination: Cluster) -> Parts:
    """Every part that is in, and when it came."""
    found: Parts = {}
    for database in samples.DATABASES:
        known = "SELECT to_regclass('migrator.parts') IS NOT NULL"
        if not destination.execute("SELECT 1 FROM pg_database WHERE datname = " + f"'{database}'"):
            continue
        if not destination.execute(known, database)[0][0]:
            continue
        rows = destination.execute(
            "SELECT group_number, relation, number, copied_at FROM migrator.parts WHERE copied_at IS NOT NULL", database
        )
        found |= {(database, *row[:3]): row[3] for row in rows}
    return found


def groups(destination: Cluster) -> list[int]:
    """The highest number of a group in each database."""
    return [
        destination.execute("SELECT max(number) FROM migrator.groups", database)[0][0] for database in samples.DATABASES
    ]


def keepers(source: Cluster) -> int:
    """Sessions that hold a snapshot."""
    return len(
        source.execute(
            "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator keeper%' AND backend_xmin IS NOT NULL"
        )
    )


def into_mid_copy(room: MachineRoom, destination: Cluster) -> None:
    """Some parts are in, others are not."""
    room.until(lambda _: len(copied(destination)) > 8)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_one_after_the_other(cluster: Clusters, tmp_path: Path) -> None:
    """Copier, one keeper, the reconciler, Redis emptied: every snapshot outlives it, and no part comes twice."""
    source, destination = stage(cluster, 16)
    config = configuration(tmp_path, source, destination)
    with Load(source.spec("source"), "app-secret", 10) as load, machine_room(config, web=False) as room:
        into_mid_copy(room, destination)
        before = copied(destination)
        room.kill("worker-rows")
        room.until(lambda _: keepers(source) >= 2)
        room.kill(KEEPERS[0])
        room.flush()
        room.kill("worker-ticks", "beat")
        room.fresh(2)
        room.kill_a_child("worker-rows")
        assert room.summary()["phase"] == "initial_copy"
        control.set_rate_limit(room.spec, FREELY)
        room.status("cutover_ready")
        assert before.items() <= copied(destination).items()
        end_well(room, load, source, destination)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_keepers_killed_at_once(cluster: Clusters, tmp_path: Path) -> None:
    """What was finished is not copied again; the rest begins anew in other groups."""
    source, destination = stage(cluster, 15)
    config = configuration(tmp_path, source, destination)
    with Load(source.spec("source"), "app-secret", 10) as load, machine_room(config, web=False) as room:
        into_mid_copy(room, destination)
        control.set_rate_limit(room.spec, NOTHING)
        finished = finished_parts(destination)
        room.kill(*KEEPERS)
        control.set_rate_limit(room.spec, FREELY)
        room.status("cutover_ready")
        assert max(groups(destination)) > 1
        assert finished.items() <= copied(destination).items()
        end_well(room, load, source, destination)


def finished_parts(destination: Cluster) -> Parts:
    """Parts of relations that are in as a whole."""
    found: Parts = {}
    for database in samples.DATABASES:
        rows = destination.execute(
            "SELECT group_number, relation, number, copied_at FROM migrator.parts p WHERE NOT EXISTS"
            " (SELECT FROM migrator.parts o WHERE o.relation = p.relation AND o.copied_at IS NULL)",
            database,
        )
        found |= {(database, *row[:3]): row[3] for row in rows}
    return found
