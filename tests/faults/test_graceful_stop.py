"""SIGTERM to real workers in the middle of their longest statements: gone in time, cancelled on the server, nothing lost."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from migrator import control
from migrator.machines.cluster import Cluster
from tests.machine_room import MachineRoom, instance, machine_room, write_config
from tests.system.scenario import checksums, seed

GRACE_SECONDS = 20
MANY = 150
SLOWLY = 0.2
"""MB/s: a part of 2 MB takes ten seconds, and all of them minutes."""
WORKERS = ("worker-rows", "worker-ticks", "worker-keepers-1", "worker-keepers-2")
OURS = "application_name LIKE 'pg-migrator%' AND backend_type = 'client backend'"


def running(cluster: Cluster, statement: str) -> list[tuple[object, ...]]:
    """Sessions of ours at this statement now."""
    return cluster.execute(
        f"SELECT query FROM pg_stat_activity WHERE {OURS} AND state = 'active' AND query LIKE '%{statement}%'"
    )


def until(room: MachineRoom, condition: Callable[[], object]) -> None:
    room.until(lambda _: condition())


def stop(room: MachineRoom, *signals: signal.Signals) -> None:
    """Every worker gets these signals, and must be gone within the grace period; then none of our sessions is left."""
    pids = [room.supervisor.pid(name) for name in WORKERS]
    for number in signals or (signal.SIGTERM,):
        for pid in pids:
            assert pid is not None
            os.kill(pid, number)
        time.sleep(0.3)
    begun = time.monotonic()
    while any(room.supervisor.pid(name) for name in WORKERS):
        assert time.monotonic() < begun + GRACE_SECONDS, room.logs()[-3000:]
        time.sleep(0.05)
    print(f"gone after {time.monotonic() - begun + 0.3:.1f} s")


LARGE = """
CREATE TABLE large (id int PRIMARY KEY, note text);
INSERT INTO large SELECT n, repeat('x', 200) FROM generate_series(1, 20000) n;
CREATE INDEX ON large (note);
"""
"""More than what is indexed in a moment, so that its index is built CONCURRENTLY."""


def nobody_at_work(*clusters: Cluster) -> None:
    """Whatever the workers were at has been cancelled: nothing of theirs is active, and no lock of theirs is held."""
    for cluster in clusters:
        assert cluster.execute(f"SELECT state, query FROM pg_stat_activity WHERE {OURS}") == []


@contextmanager
def open_transaction(cluster: Cluster, database: str, statement: str) -> Iterator[None]:
    """Somebody who does not come to an end."""
    with cluster.connect(database) as session:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        session.execute(statement)
        yield
        session.execute("COMMIT")


@pytest.mark.timeout(600)
def test_stopped_in_the_middle_of_everything(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    source, destination = cluster(16, password="old-secret"), cluster(18, password="new-secret")
    seed(source)
    source.execute("".join(f"CREATE TABLE t{n} (id int PRIMARY KEY, a int);" for n in range(MANY)), "shop")
    source.execute(LARGE, "shop")
    config = write_config(
        tmp_path, instance(source), instance(destination), {},
        copy_method="subscription", replication={"rate_limit_mbps": 0},
    )  # fmt: skip
    tables = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^t[0-9]'"
    with machine_room(config, web=False) as room:
        with open_transaction(source, "postgres", "SELECT pg_current_xact_id()"):
            until(room, lambda: destination.execute("SELECT 1 FROM pg_database WHERE datname = 'shop'"))
            until(room, lambda: destination.execute(tables, "shop") != [(0,)])
            stop(room)
            nobody_at_work(source, destination)

            until(room, lambda: running(source, "pg_create_logical_replication_slot"))
            assert destination.execute(tables, "shop") == [(MANY,)]
            stop(room)
            nobody_at_work(source, destination)
            assert source.execute("SELECT slot_name FROM pg_replication_slots") == []

        room.phase("initial_copy")
        with open_transaction(destination, "shop", "SELECT 1"):
            control.set_rate_limit(room.spec, 1000)
            until(room, lambda: running(destination, "CREATE INDEX CONCURRENTLY"))
            stop(room, signal.SIGTERM, signal.SIGTERM)
            nobody_at_work(source, destination)
            invalid = "SELECT count(*) > 0 FROM pg_index WHERE NOT indisvalid"
            assert destination.execute(invalid, "shop") == [(True,)]

            until(room, lambda: running(destination, "INDEX CONCURRENTLY"))
            stop(room, signal.SIGTERM, signal.SIGKILL)
        seen = room.status("cutover_ready")
        assert not seen["findings"] or "action_failed" not in str(seen["findings"])
        stop(room)  # idle, or nearly so
        nobody_at_work(source, destination)
        assert checksums(source, "shop") == checksums(destination, "shop")
        assert destination.execute(invalid, "shop") == [(False,)]
        assert "failed" not in "".join(str(entry["event"]) for entry in room.store.log("m", 1000))


@pytest.mark.timeout(600)
def test_stopped_while_a_slot_waits_and_while_rows_are_copied(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    """Copy method snapshot: the keeper that makes the slot, those that hold its snapshot, and who copies under it."""
    source, destination = cluster(16, password="old-secret"), cluster(18, password="new-secret")
    seed(source)
    source.execute(
        LARGE + "INSERT INTO large SELECT n, note FROM large, generate_series(20001, 120000) n WHERE id = 1", "shop"
    )
    config = write_config(
        tmp_path, instance(source), instance(destination), {},
        copy_method="snapshot", replication={"rate_limit_mbps": SLOWLY, "part_mb": 2},
    )  # fmt: skip
    waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator slot%' AND state = 'active'"
    with machine_room(config, web=False) as room:
        with open_transaction(source, "postgres", "SELECT pg_current_xact_id()"):
            until(room, lambda: source.execute(waiting))
            stop(room)
            nobody_at_work(source, destination)
            assert source.execute("SELECT slot_name FROM pg_replication_slots") == []
            until(room, lambda: source.execute(waiting))
        until(room, lambda: running(destination, "COPY%large"))  # the source has soon sent what a part holds
        stop(room, signal.SIGTERM, signal.SIGTERM)
        nobody_at_work(source, destination)
        control.set_rate_limit(room.spec, 1000)
        seen = room.status("cutover_ready")
        assert "action_failed" not in str(seen["findings"])
        assert checksums(source, "shop") == checksums(destination, "shop")
        assert "failed" not in "".join(str(entry["event"]) for entry in room.store.log("m", 1000))
