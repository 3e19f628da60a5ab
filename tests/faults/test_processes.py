"""Everything that is killed, emptied or restarted while a migration runs, and rows are written: the light comes, all is equal."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migrator import control, samples
from migrator.cluster import Cluster
from migrator.samples.load import Load
from tests.machine_room import MachineRoom, instance, machine_room, write_config
from tests.system.scenario import checksums, ours_left, seed, sequence_positions

Clusters = Callable[..., Cluster]

SLOWLY, NOTHING, FREELY = 0.02, 0.0, 1000.0
"""MB/s: one database's relations are admitted at once, the next one's minutes later; none; all."""

PROCESSES = (("worker-rows",), ("worker-ticks",), ("beat", "web"), ("valkey",))
"""Killed in turn; those that do not know each other together."""


def stage(cluster: Clusters, version: int) -> tuple[Cluster, Cluster]:
    """A source with the sample databases, and an empty 18; both ask for a password."""
    source, destination = cluster(version, password="old-secret"), cluster(18, password="new-secret")
    samples.create(source, "app-secret", events=6000, scale=1)
    return source, destination


def configuration(directory: Path, source: Cluster, destination: Cluster, rate: float) -> Path:
    return write_config(
        directory, instance(source), instance(destination), {},
        databases={"include": list(samples.DATABASES)}, replication={"rate_limit_mbps": rate},
    )  # fmt: skip


def stay_in_mid_copy(room: MachineRoom) -> None:
    """Some relations are copied, some are not, and so it stays."""
    room.until(lambda seen: seen["phase"] == "initial_copy" and seen["progress"]["bytes_copied"])  # type: ignore[index]
    control.set_rate_limit(room.spec, NOTHING)


def end_well(room: MachineRoom, load: Load, source: Cluster, destination: Cluster) -> None:
    """From the light to completed: writers stopped, barrier taken, both sides equal, nothing of ours left."""
    load.stop()
    if room.machinery.dashboard:
        assert room.post_completion("m") == 409
    control.take_barrier(room.spec)
    for database in samples.DATABASES:
        assert checksums(source, database) == checksums(destination, database), database
        assert sequence_positions(source, database) == sequence_positions(destination, database), database
    room.until(lambda seen: seen["completion"]["safe"])  # type: ignore[index]
    if room.machinery.dashboard:
        assert room.post_completion("another") == 400
        assert room.post_completion("m") == 202
    else:
        assert control.complete(room.spec).left == ()
    room.status("completed")
    room.supervisor.stop()
    assert ours_left(source) == []
    assert ours_left(destination) == []


@pytest.mark.timeout(600)
def test_every_process_killed_and_redis_emptied_in_mid_copy(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = stage(cluster, 16)
    config = configuration(tmp_path, source, destination, SLOWLY)
    with Load(source.spec("source"), "app-secret", 10) as load, machine_room(config) as room:
        room.phase("roles", "databases", "pre_data")
        room.kill("worker-rows")
        stay_in_mid_copy(room)
        for names in PROCESSES:
            room.kill(*names)
            assert room.fresh()["status"] == "in_progress"
        room.kill_a_child("worker-rows")
        room.flush()
        assert room.fresh(2)["phase"] == "initial_copy"
        control.set_rate_limit(room.spec, FREELY)
        room.kill("worker-rows")
        room.status("cutover_ready")
        end_well(room, load, source, destination)
        assert load.committed > 100


@pytest.mark.timeout(600)
def test_both_servers_restarted_in_mid_copy(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = stage(cluster, 15)
    config = configuration(tmp_path, source, destination, SLOWLY)
    with Load(source.spec("source"), "app-secret", 10) as load, machine_room(config, web=False) as room:
        stay_in_mid_copy(room)
        source.restart()
        room.status("in_progress")
        destination.kill()
        destination.start()
        room.status("in_progress")
        control.set_rate_limit(room.spec, FREELY)
        source.kill()
        source.start()
        destination.restart()
        room.status("cutover_ready")
        end_well(room, load, source, destination)


@pytest.mark.timeout(300)
def test_what_the_operator_wants_survives_an_empty_redis(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = cluster(16, password="old-secret"), cluster(18, password="new-secret")
    seed(source)
    config = write_config(tmp_path, instance(source), instance(destination), {}, replication={"rate_limit_mbps": 0})
    with machine_room(config, web=False) as room:
        room.phase("initial_copy")
        control.pause(room.spec)
        room.status("paused")
        room.flush()
        assert room.fresh(3)["status"] == "paused"
        control.set_rate_limit(room.spec, FREELY)
        assert room.fresh(3)["status"] == "paused"
        assert destination.execute("SELECT count(*) FROM pg_subscription_rel", "shop") == [(0,)]

        assert control.abort(room.spec).left == ()
        room.flush()
        assert room.fresh(3)["status"] == "aborted"
        room.supervisor.stop()
        assert ours_left(source) == []
        assert ours_left(destination) == []
