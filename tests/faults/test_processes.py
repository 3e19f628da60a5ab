"""Everything that is killed, emptied or restarted while a migration runs, and rows are written: the light comes, all is equal."""

from pathlib import Path

import pytest

from migrator import control
from migrator.machines.samples.load import Load
from tests.faults.migration import FREELY, SLOWLY, Clusters, configuration, end_well, stage, stay_in_mid_copy
from tests.machine_room import instance, machine_room, write_config
from tests.system.scenario import ours_left, seed

PROCESSES = (("worker-rows",), ("worker-ticks",), ("beat", "web"), ("valkey",))
"""Killed in turn; those that do not know each other together."""


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
            seen = room.fresh()
            assert seen["status"] == "in_progress", (names, seen["findings"])
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
