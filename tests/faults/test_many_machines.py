"""Processes started one by one on machines of their own: nothing in common but a configuration, two servers and Redis."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migrator import control
from migrator.machines import samples
from migrator.machines.cluster import Cluster, Valkey
from migrator.machines.processes import Program, Supervisor
from migrator.machines.samples.load import Load
from tests.faults.fault_proxy import FaultProxy
from tests.faults.migration import FREELY, PART_MB, SLOWLY, Clusters, end_well, stage, stay_in_mid_copy
from tests.faults.namespaces import far_host, open_to
from tests.machine_room import MachineRoom, by_hand, instance, machine_room, write_config

QUEUES = ("reconcile", "sampling", "schema", "relations", "parts", "keepers")


@pytest.mark.timeout(900)
def test_a_worker_for_each_queue_and_two_beats(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = stage(cluster, 17, events=500)
    with Valkey() as valkey:
        config = write_config(
            tmp_path, instance(source), instance(destination), {},
            redis_url=valkey.url, databases={"include": list(samples.DATABASES)},
        )  # fmt: skip
        programs = [
            by_hand(queues, config, tmp_path / f"worker{number}", "worker", "--queues", queues)
            for number, queues in enumerate(QUEUES)
        ]
        programs += [by_hand(name, config, tmp_path / name, "beat") for name in ("beat1", "beat2")]
        with (
            Load(source.spec("source"), "app-secret", 10) as load,
            machine_room(config, web=False, programs=programs) as room,
        ):
            room.status("cutover_ready", 180)
            assert all(child.starts == 1 for child in room.supervisor.children), room.logs()
            assert room.store.queued("reconcile") <= len(QUEUES)
            assert "Traceback" not in room.logs()
            end_well(room, load, source, destination)


@contextmanager
def started(program: Program, logs: Path) -> Iterator[None]:
    """One more machine."""
    supervisor = Supervisor([program], logs)
    supervisor.start()
    try:
        yield
    finally:
        supervisor.stop()


def builds(destination: Cluster, blocker: int) -> int:
    """How many index builds of ours wait for somebody's transaction."""
    rows = destination.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator%'"
        f" AND query LIKE 'CREATE%INDEX CONCURRENTLY%' AND {blocker} = ANY (pg_blocking_pids(pid))"
    )
    return int(rows[0][0])


def until(room: MachineRoom, done: object, seconds: float) -> float:
    """Wait for what only the servers show; after how many seconds it was so."""
    assert callable(done)
    begun = time.monotonic()
    room.until(lambda _: done(), seconds)
    return time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_worker_whose_host_is_cut_off_in_the_middle_of_an_index_build(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = stage(cluster, 15, events=500, listen_addresses="*")
    with far_host() as host, Valkey() as valkey, FaultProxy("127.0.0.1", valkey.port, host.near_address) as redis:
        for server in (source, destination):
            open_to(host, server)
        config = write_config(
            tmp_path,
            instance(source, server=host.near_address, replication_server="127.0.0.1"),
            instance(destination, server=host.near_address),
            {},
            redis_url=f"redis://{host.near_address}:{redis.port}/0",
            databases={"include": list(samples.DATABASES)},
            copy_method="subscription",  # whose indexes are built CONCURRENTLY
            replication={"rate_limit_mbps": SLOWLY, "part_mb": PART_MB},
        )
        far, near = (("worker", "--queues", "schema,relations,parts", "--concurrency", "2") for _ in range(2))
        programs = (
            by_hand("ticks", config, tmp_path / "ticks", "worker", "--queues", "reconcile,sampling"),
            by_hand("beat", config, tmp_path / "beat", "beat"),
            by_hand("far", config, tmp_path / "far", *far, around=host.command),
        )
        with (
            Load(source.spec("source"), "app-secret", 10) as load,
            machine_room(config, web=False, redis_url=valkey.url, programs=programs) as room,
        ):
            stay_in_mid_copy(room)
            with destination.connect("shop") as somebody, somebody.transaction():
                somebody.execute("LOCK TABLE catalog.products, sales.visits, sales.customers IN ROW EXCLUSIVE MODE")
                control.set_rate_limit(room.spec, FREELY)
                blocker = somebody.info.backend_pid
                until(room, lambda: builds(destination, blocker), 90)
                host.cut_off()
                print(f"its sessions were gone after {until(room, lambda: not builds(destination, blocker), 60):.1f} s")
            with started(by_hand("near", config, tmp_path / "near", *near), room.machinery.logs):
                begun = time.monotonic()
                room.status("cutover_ready")
                print(f"the light came {time.monotonic() - begun:.1f} s after another worker was there")
                host.reconnect()
                until(room, lambda: room.store.slots("schema") == 4, 60)
                room.fresh(3)
                room.status("cutover_ready")
            end_well(
                room, load, source, destination
            )  # by the machine that is back; the other's sessions are gone with it
